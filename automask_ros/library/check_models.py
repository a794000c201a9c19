"""Whether the models of a library are whole: each version's files, and what is live."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from automask_ros.library import files
from automask_ros.library.check_findings import Checked, Finding, digest_of, read_checked
from automask_ros.library.models import ModelStore
from automask_ros.library.records import LabelsRecord, ModelRecord, PromotionsRecord
from automask_ros.library.staging import abandoned_folders
from automask_ros.library.version_files import RECORD_FILE, is_run

#: Why the model in a folder does not load, in one line; None when it does.
LoadFault = Callable[[Path], str | None]

_VERSION_ASIDE = "--repair moves the version aside, and the one live before it is live; train again"


class ModelCheck:
    """Looks at all versions: a file may lie where another one's belongs."""

    def __init__(self, root: Path, checked: Checked, load_fault: LoadFault | None) -> None:
        self._store = ModelStore(root, follow=False)
        self._root, self._checked, self._load_fault = root, checked, load_fault

    def run(self, step: Callable[[], None]) -> None:
        """Look at everything; ``step`` is told each version."""
        folders = [path for path in self._root.glob("[1-9]*") if path.name.isdecimal()]
        records: dict[Path, ModelRecord] = {}
        for folder in sorted(folders, key=lambda path: int(path.name)):
            if (record := self._record(folder)) is not None:
                records[folder] = record
        faults = {folder: self._store.file_faults(int(folder.name)) for folder in records}
        wanted = {
            records[folder].files[name]: folder / name
            for folder, found in faults.items()
            for name in found
        }
        for folder, record in records.items():
            self._check_version(folder, record, faults[folder], wanted)
            step()
        self._check_promotions()
        self._check_labels()
        # A lock cannot be tried where nothing can be written.
        writable = os.access(self._root, os.W_OK)
        for staged in abandoned_folders(self._root) if writable else []:
            finding = Finding(
                staged,
                "was left behind by a training that was killed",
                "the next training removes it, or --repair",
                restore=self._store.remove_abandoned,
            )
            self._checked.add(finding, left_behind=True)

    def _record(self, folder: Path) -> ModelRecord | None:
        self._checked.count("models")
        path = folder / RECORD_FILE
        if not path.exists():
            self._checked.add(self._lost(folder, path, "is missing"))
            return None
        record, finding = read_checked(path, ModelRecord)
        if finding is not None and finding.restore is None:
            finding = self._lost(folder, path, finding.fault)
        self._add(finding)
        return record if finding is None else None  # what it says of files is in doubt

    def _check_version(
        self, folder: Path, record: ModelRecord, faults: dict[str, str], wanted: dict[str, Path]
    ) -> None:
        home = self._root / str(record.version) / RECORD_FILE
        if faults and home != folder / RECORD_FILE:
            fault = f"is the record of version {record.version}"
            self._checked.add(_misplaced(folder / RECORD_FILE, fault, home))
            return
        for name, fault in faults.items():
            self._checked.add(self._file(folder, name, fault, wanted))
        if not faults and self._load_fault and (line := self._load_fault(folder)):
            self._checked.add(self._lost(folder, folder, f"does not load: {line}"))

    def _file(self, folder: Path, name: str, fault: str, wanted: dict[str, Path]) -> Finding:
        path, version = folder / name, int(folder.name)
        digest = digest_of(path)
        place = wanted.get(digest or "")
        if place is not None and place != path:
            return _misplaced(path, f"is {place.relative_to(self._root)}", place)
        if is_run(name):
            return self._lost(folder, path, fault)
        return Finding(
            path,
            fault,
            "the model runs without it: --repair moves it aside",
            aside=(path,) if path.exists() else (),
            restore=partial(self._store.forget_file, version, name),
        )

    def _lost(self, folder: Path, path: Path, fault: str) -> Finding:
        leave = partial(self._leave, int(folder.name))
        return Finding(path, fault, _VERSION_ASIDE, aside=(folder,), restore=leave)

    def _leave(self, version: int) -> None:
        if not (self._root / str(version)).exists():
            self._store.leave(version)

    def _check_promotions(self) -> None:
        path, link = self._root / "promotions.json", self._root / "current"
        if path.exists():
            _, finding = read_checked(path, PromotionsRecord)
            if finding is not None and finding.restore is None:
                remedy = "--repair makes it anew from what can be read of it and the link current"
                mend = self._store.mend_promotions
                finding = Finding(path, finding.fault, remedy, restore=mend)
            self._add(finding)
        if self._store.problem():
            return  # the link leads to what is damaged, and follows its repair
        current = self._store.current()
        if current is None or (link.is_symlink() and os.readlink(link) == str(current)):
            return
        aside = (link,) if os.path.lexists(link) and not link.is_symlink() else ()
        fault, remedy = f"does not lead to version {current}, which is live", "--repair mends it"
        self._checked.add(
            Finding(link, fault, remedy, aside, restore=self._store.follow_promotions)
        )

    def _check_labels(self) -> None:
        path = self._root / "labels.json"
        if not path.exists():
            return
        _, finding = read_checked(path, LabelsRecord)
        if finding is not None and finding.restore is None:
            remedy = "--repair takes the ids from the models and keeps a copy"
            mend = self._store.mend_labels
            finding = Finding(path, finding.fault, remedy, (path,), restore=mend, in_place=True)
            self._checked.add(finding)
            return
        self._add(finding)

    def _add(self, finding: Finding | None) -> None:
        """Take a finding down; what it restores in place waits for who promotes or trains."""
        if finding is not None and finding.in_place:
            finding = replace(finding, lock=self._store.locked)
        self._checked.add(finding)


def temporaries(directory: Path) -> Finding | None:
    """What killed writers left behind in a folder an hour ago or more."""
    stale = files.stale_temporaries(directory) if directory.is_dir() else []
    if not stale:
        return None
    return Finding(
        stale[0],
        "was left behind by a process that was killed"
        + (f", and {len(stale) - 1} more beside it" if len(stale) > 1 else ""),
        "--repair removes what was never finished",
        restore=partial(files.remove_stale_temporaries, directory),
    )


def _misplaced(path: Path, fault: str, place: Path) -> Finding:
    return Finding(path, fault, "--repair puts it back there", aside=(path,), belongs=place)
