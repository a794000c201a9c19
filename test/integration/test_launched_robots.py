"""Robots that launch files have started: side by side, and after a node's death."""

import os
import signal

import pytest
from integration.launched import children_of
from sensor_msgs.msg import Image

PARAMETERS = """
/**/detector:
  ros__parameters:
    track_memory: 2.5
    qos_overrides:
      {topic}:
        subscription: {{reliability: reliable, depth: 2}}
"""
# Of several sections that speak of one node the one that is read last wins, which may be any.
OF_A_SESSION = """
/**:
  ros__parameters: {{image_transport: raw}}
/**/capture:
  ros__parameters: {{label: cup, views: 7}}
{capture}:
  ros__parameters: {{label: mug, auto_start: true, image_transport: compressed}}
/**/teach:
  ros__parameters: {{train: false}}
"""
PATIENCE = "sigterm_timeout:=60", "sigkill_timeout:=60"


@pytest.fixture(autouse=True)
def _launch_is_there():
    pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation")


def test_two_robots_side_by_side_each_with_its_own_camera_file_and_clock(robot, launch, tmp_path):
    other = f"{robot.namespace}_too"
    params = tmp_path / "mine.yaml"
    params.write_text(PARAMETERS.format(topic=f"{robot.namespace}/wrist/image"))
    common = ["device:=cpu", f"library:={tmp_path / 'library'}"]
    launch("detect.launch.py", *common, "image:=wrist/image", f"params:={params}")
    launch("detect.launch.py", *common, "use_sim_time:=true", namespace=other)
    cameras = [
        robot.node.create_publisher(Image, topic, 1)
        for topic in ("wrist/image", f"{other}/camera/image_raw")
    ]
    for camera in cameras:
        robot.wait_for(camera.get_subscription_count, 60, camera.topic_name)
        assert camera.get_subscription_count() == 1
    for namespace, sim_time, memory in ((robot.namespace, False, 2.5), (other, True, 1.0)):
        node = f"{namespace}/detector"
        assert robot.get_parameter(node, "use_sim_time").bool_value is sim_time
        assert robot.get_parameter(node, "track_memory").double_value == memory
    names = [f"{name.lstrip('/')}/detector" for name in (robot.namespace, other)]
    robot.wait_for(lambda: set(names) <= robot.diagnostics.keys(), 30, "both diagnostics")
    qos = [
        {value.key: value.value for value in robot.diagnostics[name].values}["image_qos"]
        for name in names
    ]
    assert qos == ["reliable, depth 2", "best_effort, depth 5"]


@pytest.mark.parametrize("composed", ["false", "true"])
def test_what_arguments_leave_empty_a_parameter_file_says(robot, launch, tmp_path, composed):
    params = tmp_path / "mine.yaml"
    params.write_text(OF_A_SESSION.format(capture=f"{robot.namespace}/capture"))
    library, common = f"library:={tmp_path / 'library'}", ["device:=cpu", f"composed:={composed}"]

    def launched(*arguments):
        return launch("teach.launch.py", library, *common, f"params:={params}", *arguments)

    process = launched()
    expected = {"label": "mug", "auto_start": True, "image_transport": "compressed", "views": 7}
    assert_parameters(robot, "capture", expected)
    assert_parameters(robot, "teach", {"train": False, "image_transport": "raw"})
    assert_parameters(robot, "mask_generator", {"label": ""})
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=150)

    launched("label:=can", "views:=9", "train:=true", "image_transport:=raw")
    expected = {"label": "can", "auto_start": True, "image_transport": "raw", "views": 9}
    assert_parameters(robot, "capture", expected)
    assert_parameters(robot, "teach", {"train": True, "image_transport": "raw"})
    assert_parameters(robot, "mask_generator", {"label": ""})


def assert_parameters(robot, node, expected):
    kinds = {str: "string_value", bool: "bool_value", int: "integer_value"}
    found = {
        name: getattr(robot.get_parameter(node, name, 90), kinds[type(value)])
        for name, value in expected.items()
    }
    assert found == expected


def test_a_node_that_dies_comes_back(robot, launch, tmp_path):
    process = launch(
        "detect.launch.py",
        "device:=cpu",
        f"library:={tmp_path / 'library'}",
        "respawn:=true",
        *PATIENCE,
    )
    robot.wait_for(lambda: robot.status("detector")[0], 60, "the detector")
    (first,) = children_of(process)
    os.kill(first, signal.SIGKILL)
    robot.wait_for(lambda: children_of(process) not in ([], [first]), 20, "a process in its place")
    robot.diagnostics.clear()
    robot.wait_for(lambda: robot.status("detector")[0], 60, "the detector once more")
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=60)
    assert output.count("process has died") == 1  # and it did not come back from the end
