"""Frames become views on disk, and views get masks: two processes, and what they say about it."""

import signal

import cv2
import numpy as np
import pytest
from integration.drawn_objects import iou, view
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of, stamp_of, to_array

FIRST_STAMP = 1_700_000_000.25


@pytest.fixture
def root(tmp_path):
    return tmp_path / "library"


def show_until(robot, library, label, count, seconds=60.0):
    """Show views of an object, one after the other, until the library holds `count` of it."""
    truth = {}

    def shown():
        seed = len(truth)
        image, mask = view(label, seed)
        stamp = FIRST_STAMP + seed
        truth[stamp] = (image, mask)
        robot.show(image, stamp)
        robot.spin(0.15)
        return len(library.views(label)) >= count

    robot.wait_for(shown, seconds, f"{count} views of {label}")
    return truth


def test_views_and_masks_of_two_objects(robot, root):
    robot.listen("capture/view", "mask_generator/mask", "mask_generator/overlay")
    robot.start("capture_node", library=root, label="cup", views=4)
    # Not while this lasts: what is compared is written, and told, once more.
    robot.start("mask_generation_node", library=root, adapt_after=3600.0)
    robot.meet(Trigger, "mask_generator/regenerate", 60)  # it tells of masks from the first on

    refused = robot.call("capture/undo")
    assert not refused.success and refused.message == "there is no view of cup to undo"
    image, _ = view("cup", 99)
    robot.show(image)
    robot.spin(1.0)
    library = Library(root)
    assert library.views() == [], "a frame was taken before ~/start"

    assert robot.call("capture/start").message.startswith("started: 0 of 4 views of cup")
    truth = show_until(robot, library, "cup", 4)

    def complete():
        robot.show(image)  # a camera that is silent would be told
        robot.spin(0.2)
        return robot.message("capture") == "4 of 4 views of cup: complete"

    robot.wait_for(complete, 10, "the end of capturing")
    assert robot.status("capture")[1]["state"] == "stopped"
    refused = robot.call("capture/start")
    assert not refused.success and "raise the parameter views, or set label" in refused.message

    assert_kept(robot, library, truth)
    assert_masks(robot, library, truth)
    capture_the_next_object(robot, library)
    veto_and_make_anew(robot, library)
    assert robot.stop("capture_node", signal.SIGINT) == 0
    assert robot.stop("mask_generation_node", signal.SIGTERM) == 0


def assert_kept(robot, library, truth):
    """The views on disk and on the topic are the pictures that were shown, bit for bit."""
    views = library.views("cup")
    for kept in views:
        image, _ = truth[kept.captured_at]
        assert np.array_equal(library.read_image(kept), image), "the image is kept losslessly"
        assert kept.camera["frame_id"] == "camera_optical"
        assert kept.source == f"{robot.namespace}/image"
    heard = {seconds_of(message.header.stamp): message for message in robot.heard["capture/view"]}
    assert set(heard) == {kept.captured_at for kept in views}
    for stamp, message in heard.items():
        assert np.array_equal(to_array(message), truth[stamp][0])


def assert_masks(robot, library, truth):
    """Each view gets a mask that lies on its object, on disk and on the topics."""
    robot.wait_for(lambda: not library.views_without_mask(), 90, "the masks")
    for kept in library.views("cup"):
        assert kept.verdict.accepted, kept.verdict
        assert iou(library.read_mask(kept), truth[kept.captured_at][1]) > 0.8
    robot.wait_for(lambda: len(robot.heard["mask_generator/mask"]) == 4, 10, "masks by topic")
    for message in robot.heard["mask_generator/mask"]:
        assert message.encoding == "mono8"
        assert set(np.frombuffer(message.data, np.uint8)) == {0, 255}
    assert {m.encoding for m in robot.heard["mask_generator/overlay"]} == {"bgr8"}


def capture_the_next_object(robot, library):
    """A change of the parameter, while the node runs."""
    assert robot.set_parameter("capture", "label", "ball").successful
    bad = robot.set_parameter("capture", "label", "../x")
    assert not bad.successful and "'../x' is not usable" in bad.reason
    assert robot.get_parameter("capture", "label").string_value == "ball"
    assert robot.call("capture/start").success
    show_until(robot, library, "ball", 2)
    assert robot.call("capture/stop").success
    robot.spin(1.0)
    count = len(library.views("ball"))
    answer = robot.call("capture/undo")
    assert answer.success and f"{count - 1} of 4 views of ball" in answer.message
    assert len(library.views("ball")) == count - 1


def veto_and_make_anew(robot, library):
    """A veto takes the newest view with a mask out of training, a second one the view before it."""
    robot.wait_for(lambda: not library.views_without_mask(), 90, "the masks of the ball")
    assert robot.set_parameter("mask_generator", "label", "cup").successful
    for _ in range(2):
        assert robot.call("mask_generator/veto_last").success
    assert [each.vetoed for each in library.views("cup")] == [False, False, True, True]
    made = len(robot.heard["mask_generator/mask"])
    assert robot.call("mask_generator/regenerate").message == "4 masks are made anew"
    robot.wait_for(
        lambda: len(robot.heard["mask_generator/mask"]) == made + 4, 60, "the masks made anew"
    )
    assert len(library.trainable_views("cup")) == 2, "a veto holds over new masks"


def test_capture_goes_on_after_a_restart_and_says_why_frames_are_refused(robot, root):
    robot.start("capture_node", library=root, label="cup", views=10, auto_start=True)
    library = Library(root, create=True)
    show_until(robot, library, "cup", 1)
    assert robot.stop("capture_node", signal.SIGKILL) == -signal.SIGKILL

    kept = library.read_image(library.views("cup")[0])
    robot.start("capture_node", library=root, label="cup", views=10, auto_start=True)
    robot.wait_for(lambda: robot.images.get_subscription_count(), 30, "the subscription")
    robot.diagnostics.clear()

    def refused(image, reason):
        robot.show(image)
        robot.spin(0.2)
        return int(robot.status("capture")[1].get(f"refused: {reason}", 0)) >= 3

    robot.wait_for(lambda: refused(kept, "same view again"), 30, "the same view")
    blurred = cv2.GaussianBlur(view("cup", 7)[0], (0, 0), 9)
    robot.wait_for(lambda: refused(blurred, "too blurred"), 30, "the blurred view")
    # Frames that were under way at the kill may come late, and be kept; they bear earlier stamps.
    views = library.views("cup")
    assert all(kept_view.captured_at < FIRST_STAMP + 1000 for kept_view in views)
    count = len(views)
    words = f"{count} of 10 views of cup: too blurred (sharpness "

    def said():
        robot.show(blurred)
        robot.spin(0.2)
        return robot.message("capture").startswith(words)

    robot.wait_for(said, 30, words)
    assert robot.status("capture")[1]["views"] == str(count)


def test_compressed_frames(robot, root):
    robot.start(
        "capture_node", library=root, label="cup", auto_start=True, image_transport="compressed"
    )
    robot.wait_for(lambda: robot.compressed.get_subscription_count(), 30, "the subscription")
    image, _ = view("cup", 0)
    message = CompressedImage(header=Header(stamp=stamp_of(FIRST_STAMP)), format="png")
    message.data = cv2.imencode(".png", image)[1].tobytes()
    library = Library(root)

    def kept_after_publishing():
        robot.compressed.publish(message)
        robot.spin(0.2)
        return library.views("cup")

    robot.wait_for(kept_after_publishing, 20, "the view")
    (kept,) = library.views("cup")
    assert kept.captured_at == FIRST_STAMP
    assert np.array_equal(library.read_image(kept), image)
