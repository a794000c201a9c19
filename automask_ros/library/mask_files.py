"""Whose work a mask's file is: the generator's, or that of a person who painted over it.

A view's JSON holds the SHA-256 of the file that was written with its verdict. A file that differs
from it was drawn by a person, and the verdict beside it is about something else. It is noticed
here, whenever views are listed, so that training, reports and nodes all see the same.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import BadImage, decode_grey, read_file
from automask_ros.library.records import MaskRecord, ViewRecord
from automask_ros.types import PERSON, Verdict

_LOGGER = logging.getLogger(__name__)

DRAWN: Final = "drawn by a person"


@dataclass(frozen=True)
class MaskState:
    """What is known of a mask: the verdict that counts, who made it, and when (unix seconds)."""

    verdict: Verdict
    made_by: str
    made_at: float


@dataclass(frozen=True)
class _Painted:
    """A mask's file as it was when last looked at; ``fault`` is why it cannot be used, in words
    that follow its name."""

    digest: str
    size: tuple[int, int]
    fault: str | None


class MaskFiles:
    """The mask files of one object; each is read again only when it was replaced."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], str]] = {}
        self._painted: dict[Path, _Painted] = {}

    def state(
        self, path: Path, record: ViewRecord, read_again: Callable[[], ViewRecord]
    ) -> MaskState | None:
        """What is known of the mask at ``path``; None when the view counts as without mask.

        ``read_again`` reads the view's JSON anew: a writer may have replaced both since ``record``
        was read, and its mask must not pass for a person's.
        """
        if record.mask is None:
            return None
        try:
            status = path.stat()
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            digest = self._digest(path, signature)
        except (FileNotFoundError, AutomaskError) as error:
            if path.exists():
                return _unusable(path, _fault_of(error), record.mask.made_at)
            return None
        if record.mask.sha256 in (None, digest):
            return _as_written(record.mask)
        # The JSON is emptied before new pixels are written, so it tells of every writer of ours.
        now = read_again()
        if now.mask is None:
            return None
        if now.mask.sha256 == digest:
            return _as_written(now.mask)
        return self._repainted(path, digest, now, status.st_mtime)

    def _digest(self, path: Path, signature: tuple[int, int, int]) -> str:
        known = self._known.get(path)
        if known is None or known[0] != signature:
            known = signature, hashlib.sha256(read_file(path)).hexdigest()
            self._known[path] = known
        return known[1]

    def _repainted(self, path: Path, digest: str, record: ViewRecord, made_at: float) -> MaskState:
        size = (record.height, record.width)
        painted = self._painted.get(path)
        if painted is None or (painted.digest, painted.size) != (digest, size):
            painted = _Painted(digest, size, _fault(path, size))
            self._painted[path] = painted
            if painted.fault:
                _LOGGER.error("the mask %s %s", path, painted.fault)
        if painted.fault:
            return _unusable(path, painted.fault, made_at)
        return MaskState(Verdict(True, 1.0, (DRAWN,)), PERSON, made_at)


def _as_written(mask: MaskRecord) -> MaskState:
    verdict = Verdict(mask.accepted, mask.score, mask.reasons)
    return MaskState(verdict, mask.made_by, mask.made_at)


def _unusable(path: Path, fault: str, made_at: float) -> MaskState:
    # A verdict stands below its view's picture: there is no room for folders, nor need of them.
    return MaskState(Verdict(False, 0.0, (f"the mask {path.name} {fault}",)), PERSON, made_at)


def _fault(path: Path, size: tuple[int, int]) -> str | None:
    """Why a painted mask cannot be used, in words that follow its name; None when it can."""
    try:
        pixels = decode_grey(read_file(path), str(path))
    except AutomaskError as error:
        return _fault_of(error)
    if pixels.shape != size:
        height, width = pixels.shape
        return (
            f"was repainted at {width}x{height}, but its view is {size[1]}x{size[0]}; paint it at "
            "that size, or delete it for a new one"
        )
    if not (pixels >= 128).any():
        return (
            "was repainted, but no pixel of it is white; paint the object white on black, or "
            "delete it for a new one"
        )
    return None


def _fault_of(error: FileNotFoundError | AutomaskError) -> str:
    """What was found wrong when a mask was read, with what a mask's owner can do about it."""
    if isinstance(error, BadImage):
        fault = error.fault
    else:
        cause = error.__cause__
        why = cause.strerror if isinstance(cause, OSError) else None
        fault = f"cannot be read ({why})" if why else "cannot be read"
    return f"{fault}; save it as PNG again, or delete it for a new one"
