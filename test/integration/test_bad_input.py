"""What a camera or a person does wrong is named in one line, and ends nothing that runs."""

import signal

import pytest
from integration.drawn_objects import view
from sensor_msgs.msg import Image

from automask_ros.library.library import Library
from automask_ros.nodes.transport_remedy import transport_remedy

BAD_MESSAGES = {
    "unknown encoding": (
        Image(encoding="rgb9", width=4, height=4, step=12, data=bytes(48)),
        "'rgb9' is not supported",
    ),
    "zero size": (Image(encoding="bgr8"), "0x0"),
    "short data": (
        Image(encoding="bgr8", width=4, height=4, step=12, data=bytes(47)),
        "holds 47 bytes, but 4x4 needs 48",
    ),
}


def test_bad_frames_are_named_and_the_next_good_one_is_taken(robot, tmp_path):
    robot.start("capture_node", library=tmp_path / "library", label="cup", auto_start=True)
    robot.wait_for(lambda: robot.images.get_subscription_count(), 30, "the subscription")
    for name, (message, words) in BAD_MESSAGES.items():

        def named(message=message, words=words):
            robot.images.publish(message)
            robot.spin(0.3)
            status, _ = robot.status("capture")
            return status is not None and words in status.message

        robot.wait_for(named, 20, name)
        assert robot.status("capture")[0].level == b"\x01"
    assert int(robot.status("capture")[1]["bad_frames"]) >= 3
    assert robot.alive() == {"capture_node"}

    robot.show(view("cup", 0)[0])
    library = Library(tmp_path / "library")
    robot.wait_for(lambda: library.views("cup"), 20, "a good frame")
    robot.wait_for(
        lambda: robot.status("capture")[0].level == b"\x00", 20, "the end of the complaint"
    )


@pytest.mark.parametrize(
    ("executable", "parameters", "line"),
    [
        ("capture_node", {"label": "../x"}, "parameter label: label '../x' is not usable"),
        ("capture_node", {"views": 0}, "parameter views out of range"),
        ("detector_node", {"runtime": "magic"}, "parameter runtime is 'magic': it must be one of"),
        (
            "detector_node",
            {"image_topics": "['a b']"},
            "'a b' is not the name of a topic: topic name",
        ),
        ("mask_generation_node", {"fcn": "no_such.safetensors"}, "no_such.safetensors"),
        ("mask_generation_node", {"refiner": "no.onnx,no.onnx"}, "there is no refiner at no.onnx"),
        ("trainer_node", {"library": "/dev/null/library"}, "/dev/null"),
    ],
)
def test_a_wrong_parameter_ends_the_start_with_one_line(
    robot, tmp_path, executable, parameters, line
):
    robot.start(executable, **{"library": tmp_path / "library", **parameters})
    assert robot.process(executable).wait(180) == 2
    lines = robot.log(executable).strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("automask: ") and line in lines[0]


def test_a_second_trainer_on_one_library_is_refused(robot, tmp_path):
    robot.start("trainer_node", library=tmp_path / "library")
    robot.wait_for(lambda: robot.status("trainer")[0], 30, "the first trainer")
    first = robot.process("trainer_node")
    robot.start("trainer_node", library=tmp_path / "library")
    assert robot.process("trainer_node").wait(30) == 2
    assert "another trainer works on" in robot.log("trainer_node")
    first.send_signal(signal.SIGTERM)
    assert first.wait(20) == 0


def test_a_topic_that_is_not_there_and_one_of_the_other_transport(robot, tmp_path):
    robot.start("detector_node", library=tmp_path / "library", image_transport="raw")
    robot.start("capture_node", library=tmp_path / "library", image_transport="raw")
    robot.node.destroy_publisher(robot.images)
    topic = f"{robot.namespace}/image"
    expected = (
        f"nobody publishes {topic}, but {topic}/compressed is there: "
        "set image_transport:=compressed"
    )

    def named():
        status, _ = robot.status("capture")
        return status is not None and status.message == expected

    robot.wait_for(named, 30, "the remedy")
    robot.node.destroy_publisher(robot.compressed)
    robot.wait_for(
        lambda: (
            robot.status("capture")[0].message
            == f"nobody publishes {topic}: start the camera or remap image to its topic"
        ),
        20,
        "the silence",
    )
    robot.wait_for(lambda: robot.status("detector")[0], 60, "the detector, whose start is slower")
    assert robot.status("detector")[0].message.startswith("no model in")


def test_a_topic_that_is_there_and_delivers_nothing(robot, tmp_path):
    robot.start("capture_node", library=tmp_path / "library")

    def named():
        status, _ = robot.status("capture")
        return status is not None and "delivered nothing for" in status.message

    robot.wait_for(named, 30, "the starvation")
    message = robot.status("capture")[0].message
    assert message.endswith(f"check that the camera runs, and {transport_remedy()}")
    robot.show(view("cup", 0)[0])
    robot.wait_for(
        lambda: "delivered nothing" not in robot.status("capture")[0].message, 10, "its end"
    )
