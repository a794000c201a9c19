"""models/promotions.json: what was promoted when, and what to go by when that is damaged."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from automask_ros.library.aside import Aside
from automask_ros.library.files import DamagedFile
from automask_ros.library.records import (
    PromotionRecord,
    PromotionsRecord,
    read_record,
    write_record,
)

_ENTRY = re.compile(r"\{[^{}]*\}")
_BY_THE_LINK = "as the link said when promotions.json was damaged"


class Promotions:
    """The promotions of a model store. Whoever writes holds the store's lock.

    ``report`` is told, in a line, what is damaged.
    """

    def __init__(self, models: Path, report: Callable[[str], None]) -> None:
        self.path = models / "promotions.json"
        self._link = models / "current"
        self._report = report

    def recorded(self) -> list[PromotionRecord]:
        """Every promotion and rollback, oldest first; AutomaskError when the file is damaged."""
        if not self.path.exists():
            return []
        return list(read_record(self.path, PromotionsRecord).promotions)

    def entries(self) -> list[PromotionRecord]:
        """The same; where the file is damaged, those in it that can be read, and what the link
        ``current`` says."""
        try:
            return self.recorded()
        except DamagedFile as error:
            found = self._readable()
            live = os.readlink(self._link) if self._link.is_symlink() else ""
            if not (live.isdecimal() and int(live)):
                self._report(f"{error}; and no link says which model was live")
                return found
            self._report(f"{error}; version {live} is live, as the link says")
            if not found or found[-1].version != int(live):
                at = self._link.lstat().st_mtime
                found.append(PromotionRecord(version=int(live), at=at, reason=_BY_THE_LINK))
            return found

    def _readable(self) -> list[PromotionRecord]:
        """The entries of a damaged file that are whole by themselves."""
        found = []
        for entry in _ENTRY.findall(self.path.read_text(errors="replace")):
            with suppress(ValueError):
                found.append(PromotionRecord.model_validate_json(entry))
        return found

    def stack(self) -> list[int]:
        """The versions one could roll back through; the last one was promoted last."""
        stack: list[int] = []
        for entry in self.entries():
            if entry.rollback and entry.version in stack:
                while stack[-1] != entry.version:
                    stack.pop()
            elif not stack or stack[-1] != entry.version:
                stack.append(entry.version)
        return stack

    def append(self, *new: PromotionRecord) -> int:
        """Add entries; a damaged file is moved aside first. Returns how many there are."""
        entries = (*self.entries(), *new)
        try:
            self.recorded()
        except DamagedFile as error:
            Aside(self.path.parent.parent).take(self.path, str(error))
        write_record(self.path, PromotionsRecord(promotions=entries))
        return len(entries)
