"""Whether the views of a library are whole: their records, images and masks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from automask_ros.errors import AutomaskError
from automask_ros.library.check_findings import Checked, Finding, digest_of, read_checked
from automask_ros.library.image_file import BadImage, read_image, read_mask_file
from automask_ros.library.image_files import ImageFiles, image_record
from automask_ros.library.object_folder import ObjectFolder
from automask_ros.library.records import ViewRecord

_SETTLED = 60.0
"""Seconds after which an image without a record is none that is being added."""


@dataclass(frozen=True)
class _Seen:
    """A view's files as they lie there; ``record`` is None when it cannot be read."""

    folder: ObjectFolder
    id: str
    record: ViewRecord | None
    image_fault: str | None
    image_digest: str | None
    mask_digest: str | None

    @property
    def image(self) -> Path:
        return self.folder.image_path(self.id)

    @property
    def mask(self) -> Path:
        return self.folder.mask_path(self.id)

    @property
    def json(self) -> Path:
        return self.folder.record_path(self.id)

    @property
    def home(self) -> Path:
        """Where the record's own words would have it lie."""
        record = self.record
        if record is None or record.id is None or record.label is None:
            return self.json
        return self.folder.path.parent / record.label / "views" / f"{record.id}.json"

    @property
    def mask_wanted(self) -> str | None:
        mask = self.record.mask if self.record else None
        return mask.sha256 if mask else None


class ViewCheck:
    """Looks at all views of all objects: a file may lie where another one belongs."""

    def __init__(self, objects: Path, labels: Iterable[str], checked: Checked) -> None:
        self._folders = [ObjectFolder(objects, label) for label in labels]
        self._checked = checked
        self._seen: list[_Seen] = []

    def run(self, step: Callable[[], None]) -> None:
        """Look at everything; ``step`` is told each view."""
        for folder in self._folders:
            images = ImageFiles()
            for view_id in folder.view_ids():
                self._look(folder, view_id, images)
                step()
            self._check_orphans(folder)
            self._check_backgrounds(folder)
        # A misplaced file belongs to a view that has not got its own.
        images_wanted = {
            each.record.image.sha256: each.image
            for each in self._seen
            if each.record and each.record.image and each.image_fault
        }
        masks_wanted = {
            each.mask_wanted: each.mask
            for each in self._seen
            if each.mask_wanted and each.mask_digest not in (None, each.mask_wanted)
        }
        found = {each.image_digest for each in self._seen if each.image_fault}
        for each in self._seen:
            if each.record is None or self._check_image(each, images_wanted, found):
                self._check_mask(each, masks_wanted)

    def _look(self, folder: ObjectFolder, view_id: str, images: ImageFiles) -> None:
        record, finding = read_checked(folder.record_path(view_id), ViewRecord)
        record = record if finding is None else None  # what it says of files is in doubt
        image, mask = folder.image_path(view_id), folder.mask_path(view_id)
        fault = images.fault(image, record) if record else None
        seen = _Seen(folder, view_id, record, fault, digest_of(image), digest_of(mask))
        self._seen.append(seen)
        self._checked.count("views")
        self._checked.count("masks", int(record is not None and record.mask is not None))
        if finding is not None and finding.restore is None:
            finding = _lost_record(seen, finding)
        if finding is not None:
            finding = replace(finding, lock=folder.locked)
        self._checked.add(finding)

    def _check_image(self, view: _Seen, wanted: dict[str, Path], found: set[str | None]) -> bool:
        """Look at the image of a view with a record; False when the record is not the view's."""
        record, fault = view.record, view.image_fault
        if record is None or fault is None:
            return True  # nor is a record at fault that a person renamed together with its image
        if view.home != view.json:
            where = f"{view.home.parent.parent.name}/{view.home.stem}"
            self._checked.add(_misplaced(view.json, f"is the record of view {where}", view.home))
            return False
        place = wanted.get(view.image_digest or "")
        if place is not None and place != view.image:
            where = f"{place.parent.parent.name}/{place.stem}"
            self._checked.add(_misplaced(view.image, f"is the image of view {where}", place))
        elif record.image is not None and record.image.sha256 in found:
            self._checked.add(
                Finding(view.image, fault, "--repair moves it aside", aside=_there(view.image))
            )
        else:
            remedy = "the view cannot be used: --repair moves it aside; show this side anew"
            aside = _there(view.image, view.json, view.mask)
            self._checked.add(Finding(view.image, fault, remedy, aside=aside))
            return False
        return True

    def _check_mask(self, view: _Seen, wanted: dict[str, Path]) -> None:
        if view.record is None or view.record.mask is None:
            return
        if view.mask_digest in (None, view.mask_wanted):
            return  # a mask that a person deleted is made anew
        place = wanted.get(view.mask_digest or "")
        if place is not None and place != view.mask:
            where = f"{place.parent.parent.name}/{place.stem}"
            self._checked.add(_misplaced(view.mask, f"is the mask of view {where}", place))
            return
        try:
            read_mask_file(view.mask)  # a whole file with other pixels was drawn by a person
        except AutomaskError as error:
            fault = error.fault if isinstance(error, BadImage) else "cannot be read"
            remedy = "--repair moves it aside, and a new one is made"
            forget = _forget_mask(view.folder, view.id)
            self._checked.add(Finding(view.mask, fault, remedy, (view.mask,), restore=forget))

    def _check_orphans(self, folder: ObjectFolder) -> None:
        known = set(folder.view_ids())
        for path in sorted((folder.path / "views").glob("[!.]*.png")):
            if path.stem not in known and time.time() - path.stat().st_mtime > _SETTLED:
                fault = "has no record: it never became a view, or its JSON was removed"
                finding = Finding(path, fault, "--repair moves it aside", aside=(path,))
                self._checked.add(finding, left_behind=True)

    def _check_backgrounds(self, folder: ObjectFolder) -> None:
        for path in sorted((folder.path / "background").glob("[!.]*.png")):
            try:
                read_image(path)
            except AutomaskError as error:
                fault = error.fault if isinstance(error, BadImage) else "cannot be read"
                remedy = "--repair moves it aside; give --empty-scene again"
                self._checked.add(Finding(path, fault, remedy, aside=(path,)))


def _misplaced(path: Path, fault: str, place: Path) -> Finding:
    return Finding(path, fault, "--repair puts it back there", aside=(path,), belongs=place)


def _lost_record(view: _Seen, finding: Finding) -> Finding:
    """The same for a record that cannot be read: its image may be whole."""
    if image_record(view.image) is None:
        remedy = "the view cannot be used: --repair moves it aside"
        aside = _there(view.json, view.image, view.mask)
        return Finding(view.json, finding.fault, remedy, aside=aside)
    remedy = (
        "--repair moves it aside and keeps the image as a vetoed view (a person may have vetoed "
        "it); take it back with automask veto --undo"
    )
    restore = _view_of_image(view.folder, view.id)
    aside = _there(view.json, view.mask)
    return Finding(view.json, finding.fault, remedy, aside, restore=restore, in_place=True)


def _forget_mask(folder: ObjectFolder, view_id: str) -> Callable[[], None]:
    def forget() -> None:
        with folder.locked():
            record = folder.read(view_id)
            if not folder.mask_path(view_id).exists():
                folder.write(view_id, record.model_copy(update={"mask": None}))

    return forget


def _view_of_image(folder: ObjectFolder, view_id: str) -> Callable[[], None]:
    def restore() -> None:
        path = folder.image_path(view_id)
        kept = image_record(path)
        if kept is None:
            return
        height, width = read_image(path).shape[:2]
        record = ViewRecord(
            captured_at=path.stat().st_mtime,
            source="its image alone: the record was damaged",
            width=width,
            height=height,
            image=kept,
            vetoed=True,
        )
        folder.write(view_id, record)

    return restore


def _there(*paths: Path) -> tuple[Path, ...]:
    return tuple(path for path in paths if path.exists())
