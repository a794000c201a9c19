"""The launch files under the real `launch`: their arguments, and nodes that come up by them."""

import os
import signal
import time
from pathlib import Path

import pytest
from integration.drawn_objects import view
from integration.launched import LAUNCH, children_of

pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation, not with pip")

from launch.launch_description_sources import PythonLaunchDescriptionSource  # noqa: E402
from sensor_msgs.msg import CameraInfo, Image  # noqa: E402
from vision_msgs.msg import Detection3DArray  # noqa: E402

from automask_ros.library.library import Library  # noqa: E402
from automask_ros.nodes.environment import PROFILE_VARIABLES, profile_variables  # noqa: E402
from automask_ros.resources import share_directory  # noqa: E402
from launch import LaunchContext  # noqa: E402

FILES = ("teach.launch.py", "detect.launch.py", "demo.launch.py")
NODES = {
    "teach.launch.py": {"capture", "mask_generator", "trainer", "detector", "teach"},
    "detect.launch.py": {"detector"},
    "demo.launch.py": {"capture", "mask_generator", "trainer", "detector", "teach", "replay"},
}


def arguments_of(name):
    source = PythonLaunchDescriptionSource(str(LAUNCH / name))
    description = source.get_launch_description(LaunchContext())
    return {argument.name: argument for argument in description.get_launch_arguments()}


@pytest.mark.parametrize("name", FILES)
def test_every_argument_is_described_and_has_a_default(name):
    arguments = arguments_of(name)
    assert {"image", "image_transport", "library", "device", "namespace"} <= arguments.keys()
    assert {"depth", "image_topics", "depth_topics"} <= arguments.keys()
    for argument in arguments.values():
        assert len(argument.description) > 15
        assert argument.default_value is not None


def test_choices_and_the_arguments_of_teaching():
    arguments = arguments_of("teach.launch.py")
    assert {"label", "views", "base_model", "fcn", "auto_start", "params"} <= arguments.keys()
    assert {"min_novelty", "respawn", "composed", "use_sim_time"} <= arguments.keys()
    assert arguments["image_transport"].choices == ["", "raw", "compressed"]
    assert arguments["auto_start"].choices == ["", "true", "false"]
    assert "label" not in arguments_of("detect.launch.py")


@pytest.mark.parametrize(
    ("name", "more"), [*((name, ()) for name in FILES), ("teach.launch.py", ("composed:=true",))]
)
def test_the_nodes_come_up_and_end_with_the_launch(name, more, robot, launch, tmp_path):
    library = tmp_path / "library"
    # On a busy machine an import alone may outlast launch's five seconds.
    patience = ["sigterm_timeout:=60", "sigkill_timeout:=60"]
    arguments = [
        *patience,
        *more,
        f"library:={library}",
        "device:=cpu",
        "image:=image",  # below the namespace
    ]
    if name != "detect.launch.py":
        arguments += ["label:=mug", "views:=3", "auto_start:=true", "min_novelty:=0.25"]
    process = launch(name, *arguments)
    robot.wait_for(
        lambda: all(robot.status(node)[0] for node in NODES[name]), 90, f"the nodes of {name}"
    )
    if name == "teach.launch.py":
        assert robot.status("capture")[1]["label"] == "mug"
        assert robot.status("capture")[1]["target"] == "3"
        assert robot.get_parameter("capture", "min_novelty").double_value == 0.25
        label = robot.get_parameter("mask_generator", "label").string_value
        assert label == "", "the next object gets its masks, too"

        def kept():
            robot.show(view("cup", 0)[0])
            robot.spin(0.2)
            return Library(library).views("mug")

        robot.wait_for(kept, 30, "a view")
        for variable in profile_variables(robot.environment):
            assert variables_of(process)[variable] == str(share_directory() / "config/fastdds.xml")
    for _ in range(3):  # an impatient person
        os.killpg(process.pid, signal.SIGINT)
        time.sleep(0.1)
    output, _ = process.communicate(timeout=150)
    assert "process has died" not in output and "Traceback" not in output, output
    with pytest.raises(ProcessLookupError):  # nobody is left behind
        os.killpg(process.pid, 0)


@pytest.mark.parametrize(
    ("name", "more"), [("detect.launch.py", ()), ("teach.launch.py", ("composed:=true",))]
)
def test_the_detector_takes_the_depth_that_is_named(name, more, robot, launch, tmp_path):
    robot.node.create_subscription(Detection3DArray, "detector/detections_3d", id, 1)
    depth = robot.node.create_publisher(Image, "aligned/depth", 1)
    info = robot.node.create_publisher(CameraInfo, "aligned/camera_info", 1)
    arguments = [f"library:={tmp_path / 'library'}", "device:=cpu", *more]
    launch(name, *arguments, f"depth:={robot.namespace}/aligned/depth")
    for publisher in (depth, info):
        robot.wait_for(publisher.get_subscription_count, 90, publisher.topic_name)


@pytest.mark.parametrize(
    ("name", "more"), [("detect.launch.py", ()), ("teach.launch.py", ("composed:=true",))]
)
def test_the_detector_takes_several_cameras(name, more, robot, launch, tmp_path):
    sides = [f"{robot.namespace}/{side}" for side in ("left", "right")]
    images = [f"{side}/image" for side in sides]
    depths = [f"{side}/depth" for side in sides]
    publishers = [robot.node.create_publisher(Image, topic, 1) for topic in images + depths]
    for image in images:
        topic = f"detector{image}/detections_3d"
        robot.node.create_subscription(Detection3DArray, topic, id, 1)
    lists = [f"image_topics:=[{', '.join(images)}]", f"depth_topics:=[{', '.join(depths)}]"]
    launch(name, f"library:={tmp_path / 'library'}", "device:=cpu", *more, *lists)
    for publisher in publishers:
        robot.wait_for(publisher.get_subscription_count, 90, publisher.topic_name)


def variables_of(launch_process):
    """The environment of one of the nodes that a launch process started."""
    child = children_of(launch_process)[0]
    pairs = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
    return dict(pair.split("=", 1) for pair in pairs if "=" in pair)


def test_a_profile_that_the_user_has_chosen_stays(monkeypatch):
    from automask_ros.nodes.launching import describe

    monkeypatch.setenv(PROFILE_VARIABLES[0], "/my/profile.xml")
    context = LaunchContext()
    description = describe(["namespace", "params"], lambda _: [])
    for entity in description.entities:
        for action in entity.execute(context) or []:
            action.execute(context)
    assert os.environ[PROFILE_VARIABLES[0]] == "/my/profile.xml"
