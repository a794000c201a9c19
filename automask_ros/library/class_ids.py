"""models/labels.json: the number of each label, which never changes its meaning."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Final

from automask_ros.library.files import DamagedFile
from automask_ros.library.records import LabelsRecord, read_record, write_record

#: Ids that are taken over count up to here: more than any library has given, and none that would
#: leave no room above it.
_MOST_TAKEN: Final = 10_000


class ClassIds:
    """Every class id that a model store ever gave. Whoever writes holds the store's lock.

    What the versions know completes the file, should it be lost. ``report`` is told, in a line,
    what is damaged.
    """

    def __init__(
        self,
        models: Path,
        versions: Callable[[], Iterable[int]],
        labels_of: Callable[[int], Mapping[str, int]],
        report: Callable[[str], None],
    ) -> None:
        self.path = models / "labels.json"
        self._versions, self._labels_of = versions, labels_of
        self._report = report

    def known(self) -> dict[str, int]:
        """Every id ever given: from labels.json and, should that be lost, from all versions.

        AutomaskError when both are damaged: an id might be given twice.
        """
        listed: dict[str, int] | None = None
        try:
            if self.path.exists():
                listed = read_record(self.path, LabelsRecord).labels
        except DamagedFile as error:
            self._report(f"{error}; the ids are taken from the models")
        known: dict[str, int] = {}
        for version in self._versions():
            try:
                known.update(self._labels_of(version))
            except DamagedFile:
                if listed is None:
                    raise
        return known | (listed or {})

    def clash(self, ids: Mapping[str, int]) -> str | None:
        """Why the ids of another library cannot be taken over, in words; None when they can."""
        known = self.known()
        owners = {number: label for label, number in known.items()}
        for label, number in sorted(ids.items(), key=lambda each: each[1]):
            if known.get(label, number) != number:
                return f"{label} has class id {known[label]} here and {number} there"
            if owners.setdefault(number, label) != label:
                return f"class id {number} is {owners[number]} here and {label} there"
            if not 1 <= number <= _MOST_TAKEN:
                return f"{label} has class id {number} there, and ids go from 1 to {_MOST_TAKEN}"
        return None

    def give(self, labels: Iterable[str]) -> dict[str, int]:
        """The id of each label, from 1; a new label gets the next free one, for ever."""
        wanted, known = sorted(set(labels)), self.known()
        unknown = [label for label in wanted if label not in known]
        for label in unknown:
            known[label] = max(known.values(), default=0) + 1
        if unknown:
            self._write(known)
        return {label: known[label] for label in wanted}

    def take(self, ids: Mapping[str, int]) -> bool:
        """Take over the ids that another library gave; False, and nothing happens, when one of
        them is another label's here, its label has another id, or it is none that is given."""
        if self.clash(ids) is not None:
            return False
        known = self.known()
        if not ids.items() <= known.items():
            self._write(known | dict(ids))
        return True

    def mend(self) -> None:
        """Write labels.json anew, from what it and all versions say."""
        self._write(self.known())

    def _write(self, known: dict[str, int]) -> None:
        write_record(self.path, LabelsRecord(labels=known))
