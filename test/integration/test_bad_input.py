"""What a camera or a person does wrong is named in one line, and ends nothing that runs."""

import signal

import pytest
from integration.drawn_objects import view

from automask_ros.nodes.transport_remedy import transport_remedy


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


def test_a_change_while_running_is_checked_and_answered(robot, tmp_path):
    robot.start("capture_node", library=tmp_path / "library", label="mug", min_novelty=0.25)
    for name, value, reason in (
        ("views", 0, "Parameter views out of range"),
        ("views", "many", "Wrong parameter type, expected"),
        ("label", "My Mug", "label: label 'My Mug' is not usable: take 1 to 64 lower-case"),
        ("min_novelty", 0.5, "read-only parameter"),
    ):
        answer = robot.set_parameter("capture", name, value)
        assert not answer.successful
        assert reason in answer.reason
    assert robot.set_parameter("capture", "views", 7).successful
    assert robot.set_parameter("capture", "label", "can").successful
    robot.wait_for(lambda: robot.status("capture")[1].get("label") == "can", 10, "the next object")
    assert robot.status("capture")[1]["target"] == "7"
    assert robot.get_parameter("capture", "min_novelty").double_value == 0.25


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
            robot.message("capture")
            == f"nobody publishes {topic}: start the camera or remap image to its topic"
        ),
        20,
        "the silence",
    )
    robot.wait_for(lambda: robot.status("detector")[0], 60, "the detector, whose start is slower")
    assert robot.message("detector").startswith("no model in")


def test_a_topic_that_is_there_and_delivers_nothing(robot, tmp_path):
    robot.start("capture_node", library=tmp_path / "library")

    def named():
        status, _ = robot.status("capture")
        return status is not None and "delivered nothing for" in status.message

    robot.wait_for(named, 30, "the starvation")
    message = robot.message("capture")
    assert message.endswith(f"check that the camera runs, and {transport_remedy()}")
    image = view("cup", 0)[0]

    def over():
        robot.show(image)
        robot.spin(0.2)
        return "delivered nothing" not in robot.message("capture")

    robot.wait_for(over, 10, "its end")
