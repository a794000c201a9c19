"""A recording teaches the same views headless and played through the live nodes."""

import shutil

import cv2
import numpy as np
import pytest
from drawn_scenes import draw_scene
from integration.drawn_objects import COLOURS, SHAPES, SIZE, view
from library.bags import compressed, raw, write_split_bag

from automask_ros.library.adding import add_source
from automask_ros.library.library import Library
from automask_ros.library.recording import Recording

FRAMES = 75
BLURRED = range(40, 48)
EARLIER = 12


def frame(number):
    """A cup that turns and wanders before a still background; for a while too fast to be sharp."""
    turn = cv2.getRotationMatrix2D((160, 120), 0.5 * number, 1.0)
    turn[:, 2] += 12 * np.sin(number / 20)
    mask = cv2.warpAffine(SHAPES["cup"].astype(np.uint8), turn, SIZE[::-1]).astype(bool)
    image = draw_scene(mask, COLOURS["cup"], 7)
    return cv2.GaussianBlur(image, (0, 0), 6) if number in BLURRED else image


def recorded(path, transport):
    topic = "/wrist/image" + ("" if transport == "raw" else "/compressed")
    message = raw if transport == "raw" else compressed
    pictures = [(topic, message(frame(n), 100.0 + n / 30)) for n in range(FRAMES)]
    return write_split_bag(path, pictures, "sqlite3", packed="message")


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_the_same_views_headless_and_by_the_live_nodes(robot, tmp_path, transport):
    bag = recorded(tmp_path / "bag", transport)
    headless = Library(tmp_path / "headless", create=True)
    for seed in range(EARLIER):  # of another day: new views are compared with these, too
        headless.add_view("cup", view("cup", seed)[0], captured_at=1.0 + seed, source="earlier")
    shutil.copytree(headless.root, tmp_path / "live")
    live = Library(tmp_path / "live")
    added = add_source(headless, "cup", Recording(bag))

    whole = f"{robot.namespace}/image" + ("" if transport == "raw" else "/compressed")
    qos = {
        f"qos_overrides.{whole}.subscription.reliability": "reliable",
        f"qos_overrides.{whole}.subscription.depth": 100,
    }
    robot.start(
        "capture_node",
        **{"library": live.root, "label": "cup", "views": 1000, "auto_start": True},
        **{"image_transport": transport, **qos},
    )
    robot.wait_for(lambda: robot.status("capture")[0], 60, "capture")
    robot.start("replay_node", recording=bag, rate=60.0)

    def played():
        figures = robot.status("capture")[1]
        return (figures.get("received"), figures.get("waiting")) == (str(FRAMES), "0")

    robot.wait_for(played, 60, "all pictures")
    assert robot.stop("capture_node") == 0  # after the picture in work
    wanted, found = headless.views("cup")[EARLIER:], live.views("cup")[EARLIER:]
    assert len(added.added) == len(wanted)
    assert 5 < len(wanted) < FRAMES // 2, "views are chosen"
    assert [each.captured_at for each in found] == [each.captured_at for each in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert np.array_equal(live.read_image(one), headless.read_image(other))
    numbers = {round((each.captured_at - 100.0) * 30) for each in wanted}
    assert not numbers & set(BLURRED)
