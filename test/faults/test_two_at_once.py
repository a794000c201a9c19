"""Two processes at one library at once: nothing acknowledged is lost, and nothing mixes."""

from collections import Counter
from itertools import pairwise

import cv2
import numpy as np
from faults import at_once
from faults.at_once import MOMENT, SIZE, assert_whole, together

from automask_ros.library.image_file import pixels_digest
from automask_ros.library.library import Library


def made(tmp_path):
    library = Library(tmp_path / "library", create=True)
    return library, library.root


def digests(library):
    """Digest of each view's picture, by id."""
    return {view.id: pixels_digest(library.read_image(view)) for view in library.views()}


def test_two_captures_of_one_label_at_one_moment(tmp_path, soak):
    library, root = made(tmp_path)
    first, second = together(root, 60 if soak else 1, at_once.capture, at_once.capture)
    assert first and second
    acknowledged = dict([*first, *second])
    assert len(acknowledged) == len(first) + len(second), "each view has an id of its own"
    assert digests(library) == acknowledged


def test_undo_veto_redraw_and_regenerate_while_masks_are_made(tmp_path, soak):
    library, root = made(tmp_path)
    jobs = (
        at_once.capture,
        at_once.undo,
        at_once.make_masks,
        at_once.judge,
        at_once.regenerate,
        at_once.veto,
        at_once.redraw,
        at_once.copy_as_training_does,
    )
    captured, undone, masks, _, _, vetoed, redrawn, copies = together(
        root, 300 if soak else 3, *jobs, seed=len(jobs)
    )
    assert captured and undone and masks and vetoed and redrawn and copies
    assert Counter(undone).most_common(1)[0][1] == 1, "a view is taken away once"
    left = {view: digest for view, digest in captured if view not in set(undone)}
    assert digests(library) == left
    assert_whole(library)
    views = {view.id: view for view in library.views()}
    for view_id, wanted in dict(vetoed).items():
        assert view_id not in views or views[view_id].vetoed == wanted
    for view_id, digest in dict(redrawn).items():
        if view_id in views:
            assert views[view_id].drawn, "a person's mask stays"
            assert pixels_digest(library.read_mask(views[view_id])) == digest
    trash = [path.name.rpartition(".")[0] for path in (root / "trash" / "cup").iterdir()]
    assert sorted(trash) == sorted(undone), "what was undone lies in the trash"


def test_an_import_while_a_training_has_begun(tmp_path, soak):
    library, root = made(tmp_path)
    for number in range(12):
        picture = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
        library.add_view("cup", picture, captured_at=MOMENT + number, source="drawn")
    jobs = (at_once.import_again, at_once.make_masks, at_once.regenerate, at_once.undo)
    imported, *_, copies = together(
        root, 120 if soak else 2, *jobs, at_once.copy_as_training_does, seed=1
    )
    assert imported and copies
    assert_whole(library)


def test_one_folder_added_twice_at_once(tmp_path, soak):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(400 if soak else 40):
        picture = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
        cv2.imwrite(str(folder / f"picture_{number:03d}.png"), picture)
    root = tmp_path / "library"
    added = together(root, 0, at_once.add_folder, at_once.add_folder)
    library = Library(root)
    names = sorted(path.stem for path in folder.iterdir())
    assert sorted([*added[0], *added[1]]) == names, "each picture is new to one of the two"
    assert sorted(view.id for view in library.views()) == names


def test_promotions_rollbacks_and_class_ids_at_once(tmp_path, soak):
    library, root = made(tmp_path)
    first, second, back, looks = together(
        root,
        120 if soak else 2,
        at_once.promote,
        at_once.promote,
        at_once.roll_back,
        at_once.open_and_look,
        seed=2,
    )
    assert first and second and looks
    ids = {}
    for _, _, given in [*first, *second]:
        for label, number in given.items():
            assert ids.setdefault(label, number) == number, "an id keeps its meaning"
    assert len(set(ids.values())) == len(ids), "no id has two meanings"

    entries = library.models.promotions()
    assert len(entries) == len(first) + len(second) + len(back)
    assert [entry.version for entry in entries if entry.rollback] == back
    promoted = [entry.version for entry in entries if not entry.rollback]
    assert sorted(promoted) == sorted(version for _, version, _ in [*first, *second])
    before = {now.version: then.version for then, now in pairwise(entries) if not now.rollback}
    for compared, version, given in [*first, *second]:
        # What was promoted by `promote_over` took the place of what it was compared with.
        assert compared in (None, before.get(version))
        assert (library.models.directory(version) / "weights").read_text() in given
    assert (root / "models" / "current").readlink().name == str(library.models.current())
