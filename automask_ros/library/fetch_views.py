"""Views of another library, with their masks and verdicts, into this one.

A view comes whole or not at all, and one that is here is left as it is: what people decided here
stays. So a fetch that broke off is finished by the next, and a fetch without news changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.image_file import Broken, pixels_digest
from automask_ros.library.library import Library
from automask_ros.library.mask_writing import replace_mask
from automask_ros.library.object_folder import ObjectFolder
from automask_ros.library.other_library import FoundView, OtherLibrary
from automask_ros.library.records import ViewRecord, read_record
from automask_ros.types import PERSON, Progress, ProgressCallback, View

_MOST_ID = 128


@dataclass
class FetchedViews:
    """What became of the other library's views.

    ``added`` are new here, ``masked`` were here without a mask and have one now; ``already_there``
    have the same pixels as a view here, ``removed`` those of one that was taken away here.
    ``vetoed_there`` are here, and vetoed there alone. ``broken`` could not be taken. ``clash`` says
    which class id means something else there; None when all fit.
    """

    added: list[View] = field(default_factory=list)
    masked: list[View] = field(default_factory=list)
    already_there: int = 0
    removed: int = 0
    vetoed_there: list[View] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    clash: str | None = None


def fetch_views(
    library: Library,
    other: OtherLibrary,
    labels: Sequence[str] = (),
    progress: ProgressCallback | None = None,
) -> FetchedViews:
    """Take the views of another library, of some ``labels`` or of all, that are not here yet.

    The class ids that it gave are given here too, so that a model trained here can go there; a
    clash keeps no view away, for views have no ids. AutomaskError when there is nothing to take.
    """
    if other.is_same_as(library.root):
        raise AutomaskError(f"{other.root} is this library itself; give another one")
    wanted = _wanted(other, labels)
    outcome = FetchedViews()
    step, total = 0, sum(len(views) for views in wanted.values())
    for label, views in wanted.items():
        target = _Target(library, label, outcome)
        for view in views:
            try:
                target.take(other, view)
            except StorageError:
                raise
            except (AutomaskError, FileNotFoundError) as error:
                other.check()  # a share that is gone is one fault, and not one of each view
                outcome.broken.append(Broken(f"{label}/{view.id}", str(error)))
            step += 1
            if progress is not None:
                progress(Progress("fetch", step, total))
    if outcome.added or outcome.already_there:
        outcome.clash = _take_class_ids(library, other)
    return outcome


def _take_class_ids(library: Library, other: OtherLibrary) -> str | None:
    """Give labels the ids that they have there; what clashes, in words."""
    ids = other.models.known_class_ids()
    if not ids or library.models.take_class_ids(ids):
        return None
    return library.models.class_id_clash(ids)


def _wanted(other: OtherLibrary, labels: Sequence[str]) -> dict[str, list[View]]:
    there = other.labels()
    if missing := sorted(set(labels) - set(there)):
        known = ", ".join(there) or "none"
        raise AutomaskError(f"{other.root} has no object {missing[0]}; it has: {known}")
    wanted = {label: other.views(label) for label in there if label in labels or not labels}
    if not any(wanted.values()):
        raise AutomaskError(f"{other.root} has no views to fetch; show an object there first")
    return wanted


class _Target:
    """One object here, which takes views one by one."""

    def __init__(self, library: Library, label: str, outcome: FetchedViews) -> None:
        self._library, self._label, self._outcome = library, label, outcome
        self._folder = ObjectFolder(library.root / "objects", label)
        self._folder.check()
        self._here = {digest: view.id for digest, view in self._known()}
        self._removed = set(_digests_in_trash(self._folder))

    def take(self, other: OtherLibrary, view: View) -> None:
        """Take a view, or what it has that is missing here. AutomaskError when it is damaged."""
        digest, found = other.image_digest(view), None
        if digest is None:
            found = other.read(view)
            digest = pixels_digest(found.image)
        if digest in self._here:
            self._outcome.already_there += 1
            self._complete(other, view, self._here[digest])
        elif digest in self._removed:
            self._outcome.removed += 1
        else:
            self._add(found or other.read(view), digest)

    def _add(self, found: FoundView, digest: str) -> None:
        view = found.view
        added = self._library.add_view(
            self._label,
            found.image,
            captured_at=view.captured_at,
            source=view.source,
            camera=view.camera,
            view_id=self._free_id(view.id, digest),
            mask=found.mask,
            made_by=found.made_by or PERSON,
            vetoed=view.vetoed,
        )
        self._here[digest] = added.id
        self._outcome.added.append(added)

    def _free_id(self, view_id: str, digest: str) -> str:
        """The view's own id; where another picture has it here, one made of its pixels' digest, so
        that it is the same whenever it is fetched."""
        if not self._library.has_view(self._label, view_id):
            return view_id
        end = f"-{digest[:12]}"
        return view_id[: _MOST_ID - len(end)] + end

    def _complete(self, other: OtherLibrary, there: View, view_id: str) -> None:
        """Give a view here the mask that it has there, if it has none here."""
        here = self._library.view(self._label, view_id)
        if there.vetoed and not here.vetoed:
            self._outcome.vetoed_there.append(here)
        if here.verdict is not None or there.verdict is None:
            return
        found = other.read(there)
        if found.mask is None or found.mask.pixels.shape != (here.height, here.width):
            return
        with self._folder.locked():
            record = self._folder.read_same(here)
            if self._folder.mask_state(view_id, record) is None:  # nobody was faster
                made = replace_mask(self._folder, view_id, found.mask, found.made_by)
                self._outcome.masked.append(made)

    def _known(self) -> Iterator[tuple[str, View]]:
        for view in self._library.views(self._label):
            with suppress(AutomaskError):  # damaged, or taken away just now
                record = self._folder.read(view.id)
                if record.image is not None:
                    yield record.image.pixels_sha256, view
                else:  # edited by hand, or a library that cannot be migrated
                    yield pixels_digest(self._library.read_image(view)), view


def _digests_in_trash(folder: ObjectFolder) -> Iterator[str]:
    for path in folder.trash.glob("*/view.json"):
        with suppress(AutomaskError):
            image = read_record(path, ViewRecord).image
            if image is not None:
                yield image.pixels_sha256
