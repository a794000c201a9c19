"""What several processes do to one library at once, each by the lot of its own seed.

Every mask is drawn by lot and the first reason of its verdict is its digest, so that a verdict that
stands beside another mask, or a mask beside another picture, shows.
"""

import multiprocessing
import os
import random
import shutil
import time
import traceback
from contextlib import suppress

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.adding import add_source
from automask_ros.library.coco import read_coco
from automask_ros.library.coco_export import export_coco
from automask_ros.library.coco_import import import_coco
from automask_ros.library.export_folder import ExportConfig
from automask_ros.library.image_file import pixels_digest
from automask_ros.library.library import Library
from automask_ros.library.linked_copy import linked_copy
from automask_ros.library.making import made_library
from automask_ros.library.object_folder import ViewGone
from automask_ros.library.sources import open_source
from automask_ros.types import Mask, Verdict

SIZE = (24, 32)
MOMENT = 1_700_000_000.0
RECORD = {
    "architecture": "lite",
    "base_model": "lite",
    "image_size": 160,
    "thresholds": {},
    "seed": 0,
    "created_at": 1.0,
}


def together(root, seconds, *jobs, seed=0):
    """Run jobs in processes of their own, from one moment on; what each of them acknowledged.

    A job is a function of the library's root, a Span and a random.Random. The failure of one fails
    the test, with its traceback.
    """
    # Forked from a clean process that has loaded this module: tests' own threads stay behind.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    barrier, answers = context.Barrier(len(jobs)), context.Queue()
    done = context.Array("b", len(jobs), lock=False)
    processes = [
        context.Process(
            target=_run,
            args=(barrier, answers, done, number, job, root, seconds, f"{seed}/{number}"),
        )
        for number, job in enumerate(jobs)
    ]
    for process in processes:
        process.start()
    results = dict(answers.get(timeout=seconds + 240.0) for _ in jobs)
    for process in processes:
        process.join()
    failures = [each for each in results.values() if isinstance(each, str)]
    assert not failures, "\n".join(failures)
    return [results[number] for number in range(len(jobs))]


class Span:
    """So many seconds, and on a slow machine up to a minute more until each job has `done` one."""

    def __init__(self, seconds, done):
        self._least = time.monotonic() + seconds
        self._most, self._done = self._least + 60, done

    def goes_on(self):
        now = time.monotonic()
        return now < self._least or (now < self._most and not all(self._done))


def _run(barrier, answers, done, number, job, root, seconds, seed):
    acknowledged = []
    try:
        barrier.wait()
        for each in job(root, Span(seconds, done), random.Random(seed)):
            acknowledged.append(each)
            done[number] = 1
    except BaseException:  # noqa: BLE001 - told to the test
        barrier.abort()
        acknowledged = f"{job.__name__}: {traceback.format_exc()}"
    answers.put((number, acknowledged))


def drawn(chance, shape):
    """Pixels by lot, uint8."""
    return np.random.default_rng(chance.getrandbits(64)).integers(0, 256, shape, np.uint8)


def capture(root, span, chance):
    """Add pictures that were all taken at one moment: (id, digest) of each."""
    library = Library(root)
    while span.goes_on():
        picture = drawn(chance, (*SIZE, 3))
        view = library.add_view("cup", picture, captured_at=MOMENT, source=f"{os.getpid()}")
        yield view.id, pixels_digest(picture)
        time.sleep(0.03 * chance.random())  # who waits for a lock looks every 0.05 s


def undo(root, span, chance):
    """Take views away: the id of each."""
    library = Library(root)
    while span.goes_on():
        views = library.views("cup")
        if len(views) > 5:
            with suppress(ViewGone):
                view = chance.choice(views)
                library.remove_view(view)
                yield view.id
        time.sleep(0.05)


def make_masks(root, span, chance):
    """Give each view without a mask one; the ids."""
    library = Library(root)
    while span.goes_on():
        for view in library.views_without_mask("cup"):
            pixels = drawn(chance, SIZE) > 127
            verdict = Verdict(chance.random() < 0.5, 0.5, (pixels_digest(pixels),))
            with suppress(ViewGone):
                library.write_mask(view, Mask(pixels, verdict), fcn="lite")
                yield view.id


def judge(root, span, chance):
    """Judge masks again, as comparing them does: the first reason stays their digest."""
    library = Library(root)
    while span.goes_on():
        for view in library.views("cup"):
            pixels = library.usable_mask(view) if library.has_view("cup", view.id) else None
            now = next((each for each in library.views("cup") if each.id == view.id), None)
            if pixels is None or now is None or now != view:
                continue
            time.sleep(0.002 * chance.random())
            verdict = Verdict(True, chance.random(), (pixels_digest(pixels),))
            with suppress(ViewGone):
                yield library.write_verdict(view, verdict, made_by="lite, compared").id


def regenerate(root, span, chance):
    """Let all masks but those of a person be made anew, now and then."""
    library = Library(root)
    while span.goes_on():
        views = library.views("cup")
        time.sleep(0.1 * chance.random())
        yield len(library.forget_masks(view for view in views if view.replaceable))


def veto(root, span, chance):
    """Take views out of training and back in: (id, whether it is vetoed now)."""
    library = Library(root)
    while span.goes_on():
        for view in library.views("cup")[:10]:
            with suppress(ViewGone):
                wanted = chance.random() < 0.5
                library.set_vetoed(view, wanted)
                yield view.id, wanted
        time.sleep(0.01)


def redraw(root, span, chance):
    """Draw masks as a person: (id, digest of the mask)."""
    library = Library(root)
    while span.goes_on():
        for view in library.views("cup"):
            if chance.random() < 0.05:
                pixels = drawn(chance, SIZE) > 127
                with suppress(ViewGone):
                    library.write_drawn_mask(view, pixels)
                    yield view.id, pixels_digest(pixels)
        time.sleep(0.02)


def copy_as_training_does(root, span, chance):
    """Take copies, and look whether all that is in them belongs together: their sizes."""
    while span.goes_on():
        place = root.parent / f"copy_{os.getpid()}"
        copy = linked_copy(Library(root), place)
        before = {view: copy.usable_mask(view) for view in copy.views()}
        assert_whole(copy)
        time.sleep(0.1 * chance.random())
        after = {view: copy.usable_mask(view) for view in copy.views()}
        assert before.keys() == after.keys()
        assert all(np.array_equal(before[view], after[view]) for view in before)
        yield len(before)
        shutil.rmtree(place)


def import_again(root, span, chance):
    """Export the library and import masks that were redrawn in the export."""
    library = Library(root)
    while span.goes_on():
        place = root.parent / f"coco_{os.getpid()}"
        with suppress(AutomaskError):  # a view went while it was exported
            export_coco(library, place, config=ExportConfig(overwrite=True))
            outcome = import_coco(library, read_coco(place / "annotations.json"), everything=True)
            yield len(outcome.drawn)
        time.sleep(0.2 * chance.random())


def add_folder(root, span, chance):
    """Add the folder beside the library: the ids of what is new to it."""
    with made_library(root) as library:
        outcome = add_source(library, "cup", open_source(root.parent / "pictures"))
    assert not outcome.broken and not outcome.clashing
    yield from (view.id for view in outcome.added)


def promote(root, span, chance):
    """Make versions and promote them over what they were compared with: (before, version)."""
    models = Library(root).models
    while span.goes_on():
        label = f"object{chance.randrange(40)}"
        ids = models.class_ids([label])
        with models.stage() as staged:
            (staged / "weights").write_text(label)
            version = models.commit(staged, {**RECORD, "labels": ids})
        compared = models.current()
        time.sleep(0.01 * chance.random())
        if models.promote_over(compared, version, f"by {os.getpid()}"):
            yield compared, version, ids
        else:
            models.promote(version, "after all")
            yield None, version, ids


def roll_back(root, span, chance):
    """Roll back now and then: the version that is live again."""
    models = Library(root).models
    while span.goes_on():
        time.sleep(0.02 * chance.random())
        with suppress(AutomaskError):  # nothing to roll back to yet
            yield models.rollback()


def open_and_look(root, span, chance):
    """Open the library again and again: each time it names a version that is whole."""
    while span.goes_on():
        models = Library(root).models
        version = models.current()
        if version is not None:
            assert models.record(version).version == version
            yield version


def assert_whole(library):
    """Every view has its picture, and every automatic verdict its own mask."""
    for view in library.views():
        library.read_image(view)
        if view.verdict is not None and not view.drawn:
            assert view.verdict.reasons == (pixels_digest(library.read_mask(view)),), view
