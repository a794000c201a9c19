"""The layouts for RViz and Foxglove name topics and services that our nodes have, of their type."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
RVIZ = yaml.safe_load((ROOT / "config" / "automask.rviz").read_text())
FOXGLOVE = json.loads((ROOT / "config" / "foxglove.json").read_text())

IMAGE = "sensor_msgs/msg/Image"
DIAGNOSTICS = ("DiagnosticSummary", "DiagnosticStatusPanel")
#: What a display or panel can show.
SHOWN = {
    "rviz_default_plugins/Image": IMAGE,
    "rviz_default_plugins/PointCloud2": "sensor_msgs/msg/PointCloud2",
    "vision_msgs_rviz_plugins/Detection3DArray": "vision_msgs/msg/Detection3DArray",
}


def interfaces():
    """What docs/interfaces.md, which is checked against the code, says of our nodes: topics that
    they publish with their types and QoS, and their services."""
    topics, services, node = {}, set(), ""
    for line in (ROOT / "docs" / "interfaces.md").read_text().splitlines():
        if heading := re.match(r"## (\w+) \(`", line):
            node = heading[1]
        elif row := re.match(r"\| `~/(\w+)` \| out \| `([\w/]+)` \| ([^|]*) \|", line):
            topics[f"/{node}/{row[1]}"] = (row[2], row[3])
        elif row := re.match(r"\| `~/(\w+)` \| `std_srvs/srv/Trigger`", line):
            services.add(f"/{node}/{row[1]}")
    return topics, services


TOPICS, SERVICES = interfaces()
DISPLAYS = {each["Name"]: each for each in RVIZ["Visualization Manager"]["Displays"]}
PANELS = FOXGLOVE["configById"]


def kind(panel):
    return panel.partition("!")[0]


def leaves(layout):
    """The ids of the panels in a layout, those in tabs included."""
    if isinstance(layout, str):
        tabs = PANELS[layout]["tabs"] if kind(layout) == "Tab" else []
        return [layout, *(leaf for tab in tabs for leaf in leaves(tab["layout"]))]
    assert layout.keys() == {"direction", "first", "second", "splitPercentage"}
    assert layout["direction"] in ("row", "column") and 0 < layout["splitPercentage"] < 100
    return [*leaves(layout["first"]), *leaves(layout["second"])]


def test_the_interfaces_were_understood():
    assert TOPICS["/detector/overlay"] == (IMAGE, "reliable, volatile, 10")
    assert TOPICS["/capture/view"][0] == IMAGE
    assert {"/capture/start", "/trainer/train", "/mask_generator/veto_last"} <= SERVICES


@pytest.mark.parametrize("name", DISPLAYS)
def test_a_display_of_rviz_gets_what_it_shows(name):
    display, topic = DISPLAYS[name], DISPLAYS[name]["Topic"]
    assert topic["Durability Policy"] == "Volatile" and topic["History Policy"] == "Keep Last"
    if name == "Camera":
        assert topic["Reliability Policy"] == "Best Effort", "cameras may be best effort"
        return
    published, qos = TOPICS[topic["Value"]]
    assert published == SHOWN[display["Class"]]
    assert topic["Reliability Policy"] == "Reliable" and qos.startswith("reliable")


def test_rviz_shows_all_that_is_to_be_seen():
    shown = {each["Topic"]["Value"] for each in DISPLAYS.values()}
    pictures = {topic for topic, (kind, _) in TOPICS.items() if kind in SHOWN.values()}
    # Masks and instances are numbers in pixels: their overlays are what a person looks at.
    assert shown == (pictures - {"/mask_generator/mask", "/detector/instances"}) | {
        "/camera/image_raw"
    }


def test_what_needs_depth_is_not_listened_to_until_it_is_ticked():
    """Listening to it would have the detector look for depth that many cameras do not give."""
    ticked = {each["Topic"]["Value"] for each in DISPLAYS.values() if each["Enabled"]}
    assert ticked == {
        "/teach/preview",
        "/capture/view",
        "/mask_generator/overlay",
        "/detector/overlay",
    }


def test_every_panel_of_foxglove_has_its_place_and_every_place_its_panel():
    placed = leaves(FOXGLOVE["layout"])
    assert sorted(placed) == sorted(PANELS), "one panel for each place, and no more"
    assert {kind(panel) for panel in placed} == {
        *("Image", "CallService", "Parameters", "Tab"),
        *DIAGNOSTICS,
    }


def test_panels_of_foxglove_name_what_is_there():
    pictures = [PANELS[p]["imageMode"]["imageTopic"] for p in PANELS if kind(p) == "Image"]
    assert pictures == ["/teach/preview", "/mask_generator/overlay", "/detector/overlay"]
    assert all(TOPICS[topic][0] == IMAGE for topic in pictures)
    for panel in (p for p in PANELS if kind(p) in DIAGNOSTICS):
        assert PANELS[panel]["topicToRender"] == "/diagnostics"
    calls = [PANELS[p] for p in PANELS if kind(p) == "CallService"]
    called = [call["serviceName"] for call in calls]
    assert called == [
        "/capture/start",
        "/capture/undo",
        "/mask_generator/veto_last",
        "/trainer/train",
    ]
    assert SERVICES.issuperset(called)
    assert all(json.loads(call["requestPayload"]) == {} for call in calls), "a Trigger is empty"


def test_diagnostics_are_sought_under_the_names_that_nodes_give_them():
    nodes = {name.split("/")[1] for name in TOPICS}
    chosen = [PANELS[p] for p in PANELS if kind(p) == "DiagnosticStatusPanel"]
    assert {each["selectedName"] for each in chosen} <= nodes
    # As automask_ros.nodes.diagnostics writes it.
    assert {each["selectedHardwareId"] for each in chosen} == {"automask_ros"}
