"""A person vetoes, deletes and repaints masks while the node runs: what it does about each."""

import cv2
import numpy as np
from integration.drawn_objects import iou, view
from std_srvs.srv import Trigger

from automask_ros.library.library import Library
from automask_ros.types import Verdict

DRAWN = Verdict(True, 1.0, ("drawn by a person",))


def fill(library, label, count):
    """Add `count` views of an object, a second apart; their true masks by id."""
    truth = {}
    for seed in range(count):
        image, mask = view(label, seed)
        added = library.add_view(label, image, captured_at=1.7e9 + seed, source="drawn")
        truth[added.id] = mask
    return truth


def repaint(robot, library, well, wrongly):
    """One mask is repainted well, one at the wrong size: the node says so, and goes on. Returns the
    good one, ``(H, W) uint8``, and what is said of the other."""
    mine = np.zeros((240, 320), np.uint8)
    cv2.rectangle(mine, (100, 80), (180, 160), 255, -1)
    cv2.imwrite(str(library.mask_path("cup", well)), mine)
    cv2.imwrite(str(library.mask_path("cup", wrongly)), mine[:100])
    assert library.view("cup", well).verdict == DRAWN
    wrong = "was repainted at 320x100, but its view is 320x240"
    assert wrong in library.view("cup", wrongly).verdict.reasons[0]
    robot.wait_for(lambda: wrong in robot.message("mask_generator"), 10, "a word about the mask")
    return mine, wrong


def test_veto_delete_repaint_and_regenerate(robot, tmp_path):
    library = Library(tmp_path / "library", create=True)
    robot.listen("mask_generator/mask", "mask_generator/overlay")
    # Long after this test an object would be compared and adapted to: masks would be made again.
    robot.start("mask_generation_node", library=library.root, look_period=0.2, adapt_after=3600.0)
    robot.meet(Trigger, "mask_generator/regenerate", 60)  # it tells of masks from the first on
    truth = fill(library, "cup", 4)
    ids = sorted(truth)

    def made(count):
        robot.wait_for(lambda: len(robot.heard["mask_generator/mask"]) >= count, 60, "masks")
        robot.wait_for(lambda: not library.views_without_mask(), 60, "masks on disk")
        assert len(robot.heard["mask_generator/mask"]) == count

    made(4)
    refused = robot.set_parameter("mask_generator", "label", "../../etc")
    assert not refused.successful and "is not usable" in refused.reason

    # A deleted mask is made anew, and is then the one that was made last.
    library.mask_path("cup", ids[1]).unlink()
    made(5)
    assert iou(library.read_mask(library.view("cup", ids[1])), truth[ids[1]]) > 0.8
    for expected in (ids[1], ids[3], ids[2]):
        answer = robot.call("mask_generator/veto_last")
        assert answer.success and answer.message.startswith(f"view {expected} of cup is out"), (
            answer
        )
    vetoed = {each.id for each in library.views() if each.vetoed}
    assert vetoed == {ids[1], ids[2], ids[3]}

    mine, wrong = repaint(robot, library, well=ids[2], wrongly=ids[3])

    # Made anew are the masks that no person drew; of another object there are none.
    assert robot.set_parameter("mask_generator", "label", "ball").successful
    assert robot.call("mask_generator/regenerate").message == "0 masks are made anew"
    assert robot.set_parameter("mask_generator", "label", "cup").successful
    answer = robot.call("mask_generator/regenerate")
    assert answer.message == "3 masks are made anew, 1 drawn by a person stay"
    made(8)
    assert np.array_equal(library.read_mask(library.view("cup", ids[2])), mine > 0)
    assert {each.made_by for each in library.views()} == {"lite", "person"}
    assert {each.id for each in library.views() if each.vetoed} == vetoed, "vetoes hold"
    assert iou(library.read_mask(library.view("cup", ids[3])), truth[ids[3]]) > 0.8
    robot.wait_for(lambda: wrong not in robot.message("mask_generator"), 10, "the word to go")

    # The first view is the only one that is left to veto; then there is none.
    assert robot.call("mask_generator/veto_last").message.startswith(f"view {ids[0]} of cup")
    answer = robot.call("mask_generator/veto_last")
    assert not answer.success
    assert answer.message == "there is no view with a mask that is not vetoed already"
    assert robot.stop("mask_generation_node") == 0
