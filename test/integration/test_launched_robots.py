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
