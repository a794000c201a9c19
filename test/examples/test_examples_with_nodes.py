"""The examples as processes of their own beside the real nodes: what they say is true.

The tests build on each other, for to teach an object takes a while: the first one teaches the cup
that the others look at.
"""

import itertools
import signal

import cv2
import numpy as np
import pytest
from examples.conftest import SCENES, VIEWS, DepthCamera
from examples.run_example import run, start
from integration.drawn_objects import iou, object_mask, view


def middle_of(mask):
    """The middle of a mask's bounds: x, y."""
    rows, columns = np.nonzero(mask)
    return (columns.min() + columns.max() + 1) / 2, (rows.min() + rows.max() + 1) / 2


def numbers_after(word, line):
    """The numbers that follow a word in a line, up to the next comma."""
    words = line.partition(f"{word} ")[2].partition(",")[0].split()
    return [float(each) for each in words if each.replace(".", "").lstrip("-").isdigit()]


def test_teach_detect_report(robot, camera, library, scene):
    seeds = itertools.count(SCENES.stop)

    def show():
        camera.show(scene.seed if library.models.current() else next(seeds), depth=False)

    code, out, err = run(robot, "teach_detect_report", "cup", show=show, seconds=1800, period=0.3)
    assert (code, err) == (0, ""), out
    assert library.models.current() == 1
    lines = out.splitlines()
    assert lines[-2].startswith(f"cup: {VIEWS} new views, ")
    assert f"{len(library.trainable_views('cup'))} masks accepted" in lines[-2]
    assert lines[-2].endswith("model version 1 is live")
    assert numbers_after("at", lines[-1]) == pytest.approx(
        middle_of(object_mask("cup", scene.seed)), abs=8
    )
    # What was told on the way: views, masks, training.
    assert any(f" of {VIEWS} views" in line for line in lines), out


def test_where_there_is_no_depth_the_place_in_the_picture_is_printed(robot, camera, scene):
    show = lambda: camera.show(scene.seed, depth=False)  # noqa: E731
    code, out, err = run(robot, "wait_for_object", "cup", show=show)
    assert (code, err) == (0, "")
    assert out.startswith("cup in the picture of camera_optical: centre ")
    mask = object_mask("cup", scene.seed)
    assert numbers_after("centre", out) == pytest.approx(middle_of(mask), abs=8)


def test_with_depth_the_pose_is_printed(robot, camera, scene):
    # The detector subscribes to depth for the example's sake, which takes a slow machine a while.
    patient = ("--timeout", 170, "--depth-patience", 160)
    show = lambda: camera.show(scene.seed)  # noqa: E731
    code, out, err = run(robot, "wait_for_object", "cup", *patient, show=show)
    assert (code, err) == (0, "")
    assert out.startswith("cup in camera_optical: position ")
    mask = object_mask("cup", scene.seed)
    scale = DepthCamera.NEAR / DepthCamera.FOCAL
    x, y = middle_of(mask) - np.array(mask.shape[::-1]) / 2
    assert numbers_after("position", out) == pytest.approx(
        [x * scale, y * scale, DepthCamera.NEAR], abs=0.015
    )
    assert np.linalg.norm(numbers_after("orientation", out)) == pytest.approx(1, abs=0.01)
    assert numbers_after("size", out)[2] < 0.01 < numbers_after("size", out)[1]


def test_what_is_not_there_is_not_found(robot, camera, scene):
    code, out, err = run(
        robot, "wait_for_object", "spoon", "--timeout", 2, show=lambda: camera.show(scene.seed)
    )
    assert (code, out, err) == (1, "", "no spoon within 2 s\n")


def test_the_crop_is_the_object_and_nothing_else(robot, camera, scene, tmp_path):
    output = tmp_path / "cup.png"
    show = lambda: camera.show(scene.seed, depth=False)  # noqa: E731
    code, out, err = run(robot, "save_crop", "cup", "--output", output, show=show)
    assert (code, err) == (0, "")
    crop = cv2.imread(str(output), cv2.IMREAD_UNCHANGED)
    height, width = crop.shape[:2]
    assert out.startswith(f"{output}: {width} x {height} pixels, cut out at ")
    left, top = (int(word) for word in out.split()[-2:])
    image, truth = view("cup", scene.seed)
    window = slice(top, top + height), slice(left, left + width)
    assert np.array_equal(crop[:, :, :3], image[window])
    mask = np.zeros(truth.shape, bool)
    mask[window] = crop[:, :, 3] == 255
    assert set(np.unique(crop[:, :, 3])) == {0, 255}
    assert iou(mask, truth) > 0.7
    # And pixel by pixel what the detector published of the same picture.
    message = robot.heard["detector/instances"][-1]
    instances = np.frombuffer(message.data, "<u2").reshape(truth.shape)
    assert np.array_equal(mask, instances == instances[mask][0])


def test_retraining_is_followed_to_its_end(robot, library):
    code, out, err = run(robot, "retrain", seconds=1200)
    assert (code, err) == (0, ""), out
    version = library.models.current()
    assert version == 2
    lines = out.splitlines()
    assert lines[0].endswith(" queued")
    assert len(lines) > 3, "progress"
    assert lines[-1] == f"model version {version} is live"


def test_where_nobody_answers_it_is_said(robot):
    code, out, err = run(robot, "retrain", "--patience", 1, namespace="/nobody")
    assert (code, out) == (1, "")
    assert err == "no service trainer/train: does the trainer run, and in this namespace?\n"


def test_ctrl_c_ends_each_without_a_traceback(robot):
    examples = {
        "wait_for_object": ["cup", "--timeout", 600],
        "save_crop": ["cup", "--timeout", 600],
        "retrain": ["--patience", 600],
        "teach_detect_report": ["cup"],
    }
    running = {
        name: start(robot, name, *arguments, namespace="/nobody")
        for name, arguments in examples.items()
    }
    robot.wait_for(lambda: examples.keys() <= set(robot.node.get_node_names()), 60, "the examples")
    for process in running.values():
        process.send_signal(signal.SIGINT)
    for name, process in running.items():
        out, err = process.communicate(timeout=20)
        assert (name, process.returncode, err) == (name, 130, ""), out
