"""The policies of SROS2 allow what the nodes do, and nothing else."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rclpy.node import NodeNameNonExistentError
from sensor_msgs.msg import Image, PointCloud2

ROOT = Path(__file__).parent.parent.parent
POLICIES = ROOT / "config" / "sros2" / "policies.xml"
EXECUTABLES = {
    "capture": "capture_node",
    "mask_generator": "mask_generation_node",
    "trainer": "trainer_node",
    "detector": "detector_node",
    "teach": "teach_node",
}
SECURED = {"ROS_SECURITY_ENABLE": "true", "ROS_SECURITY_STRATEGY": "Enforce"}


def _load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


make_policies = _load(ROOT / "tools" / "make_policies.py")


def test_the_file_is_what_the_tables_say():
    made = make_policies.policies("/", "/camera/image_raw", "/camera/depth_registered/image_raw")
    assert POLICIES.read_text() == made, "python tools/make_policies.py > config/sros2/policies.xml"


def seen(robot, name):
    """What the graph knows of a node, by the words of a policy's rules."""
    kinds = {"topics publish": "publisher", "topics subscribe": "subscriber"}
    kinds |= {"services reply": "service", "services request": "client"}
    found = {}
    if (name, robot.namespace) not in robot.node.get_node_names_and_namespaces():
        return found
    for rule, kind in kinds.items():
        ask = getattr(robot.node, f"get_{kind}_names_and_types_by_node")
        try:
            names = sorted(each for each, _ in ask(name, robot.namespace))
        except NodeNameNonExistentError:  # it left after the look above
            return {}
        if names:
            found[rule] = names
    return found


def test_each_node_may_do_what_it_does_and_no_more(robot, tmp_path):
    # Depth is subscribed to while somebody listens to what is made of it.
    robot.node.create_subscription(PointCloud2, "detector/points", lambda _: None, 10)
    # The node teach takes pictures while somebody looks at what it draws.
    robot.node.create_subscription(Image, "teach/preview", lambda _: None, 10)
    for executable in EXECUTABLES.values():
        given = {} if executable == "teach_node" else {"library": tmp_path / "library"}
        robot.start(executable, **given)
    image, depth = f"{robot.namespace}/image", f"{robot.namespace}/depth"
    for name in EXECUTABLES:
        allowed = make_policies.granted(name, robot.namespace, image, depth)
        if image + "/compressed" in allowed.get("topics subscribe", ()):
            allowed["topics subscribe"].remove(image + "/compressed")  # in place of the raw one
        robot.wait_for(lambda name=name: robot.status(name)[0], 60, name)
        try:
            robot.wait_for(lambda n=name, a=allowed: seen(robot, n) == a, 30, "the whole graph")
        except AssertionError:
            assert seen(robot, name) == allowed, name
    robot.stop("capture_node")
    robot.start("capture_node", library=tmp_path / "library", image_transport="compressed")

    def subscribes():
        return image + "/compressed" in seen(robot, "capture").get("topics subscribe", ())

    robot.wait_for(subscribes, 30, "the compressed pictures")


def start_secured(executable, keystore, enclave, log):
    command = [sys.executable, "-m", f"automask_ros.nodes.{executable}", "--ros-args"]
    environment = os.environ | SECURED | {"ROS_SECURITY_KEYSTORE": str(keystore)}
    arguments = ["--enclave", enclave]
    if executable != "teach_node":
        arguments += ["-p", f"library:={keystore.parent / 'library'}"]
    return subprocess.Popen(
        [*command, *arguments], env=environment, stdout=log.open("w"), stderr=subprocess.STDOUT
    )


def test_a_node_that_is_to_be_secured_never_runs_without(tmp_path):
    log = tmp_path / "log"
    node = start_secured("capture_node", tmp_path / "keystore", "/automask/capture", log)
    assert node.wait(60) == 2
    (line,) = log.read_text().strip().splitlines()
    assert line.startswith("automask: ROS does not start (") and "SECURITY ERROR" in line


def test_the_nodes_run_in_their_enclaves(tmp_path):
    if importlib.util.find_spec("sros2") is None:
        pytest.skip("sros2 is not installed: no keystore can be made of the policies")
    from sros2.keystore import create_enclave, create_keystore, create_permission

    keystore = tmp_path / "keystore"
    create_keystore(keystore)
    nodes = {}
    for name, executable in EXECUTABLES.items():
        create_enclave(keystore, f"/automask/{name}")
        create_permission(keystore, f"/automask/{name}", POLICIES)
        log = tmp_path / f"{name}.log"
        nodes[name] = start_secured(executable, keystore, f"/automask/{name}", log), log
    try:
        first, log = nodes["capture"]
        try:
            first.wait(20)
        except subprocess.TimeoutExpired:
            assert all(node.poll() is None for node, _ in nodes.values())
            return
        if "doesn't have the security libraries" in log.read_text():
            assert first.returncode == 2
            pytest.skip("this Fast DDS was built without security: keystore and permissions were")
        raise AssertionError(log.read_text())
    finally:
        for node, _ in nodes.values():
            node.terminate()
            node.wait(30)
