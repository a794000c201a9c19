"""Where the detector's cameras are listened to, and which names are refused."""

import pytest

from automask_ros.errors import AutomaskError
from automask_ros.nodes.camera_stream import StreamTopics
from automask_ros.nodes.detector_node import TABLE
from automask_ros.nodes.parameters import Parameters


def cameras(node):
    """The cameras of the node's parameters."""
    settings = Parameters(node, TABLE)
    return StreamTopics.of(node, settings["image_topics"], settings["depth_topics"])


def refused(node):
    """The line with which the node's parameters are refused."""
    with pytest.raises(AutomaskError) as caught:
        cameras(node)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_one_camera(make_node):
    assert cameras(make_node()) == [StreamTopics("image", "~", "depth")]
    given = make_node("-p", "image_topics:=[/eye/image]", "-p", "depth_topics:=[/eye/depth]")
    assert cameras(given) == [StreamTopics("/eye/image", "~", "/eye/depth")]


def test_several_cameras(make_node):
    images = ("-p", "image_topics:=[/left/image, right/image]")
    assert cameras(make_node(*images)) == [
        StreamTopics("/left/image", "~/left/image", "/left/image/depth"),
        StreamTopics("right/image", "~/right/image", "right/image/depth"),
    ]
    assert cameras(make_node(*images, "-p", "depth_topics:=[/left/depth, right/depth]")) == [
        StreamTopics("/left/image", "~/left/image", "/left/depth"),
        StreamTopics("right/image", "~/right/image", "right/depth"),
    ]


@pytest.mark.parametrize("parameter", ["image_topics", "depth_topics"])
@pytest.mark.parametrize("name", ["a b", "a//b", "a/", "1a", "{x}", "a" * 300])
def test_what_is_no_topics_name_is_one_line(make_node, parameter, name):
    line = refused(make_node("-p", f"{parameter}:=['{name}']"))
    assert line.startswith(f"parameter {parameter}: {name!r} is not the name of a topic: ")
    assert "rcl" not in line


def test_a_topic_whose_results_have_too_long_a_name(make_node):
    names = f"image_topics:=[{'a' * 235}, b]"
    assert "is not the name of a topic" in refused(make_node("-p", names))


@pytest.mark.parametrize("parameter", ["image_topics", "depth_topics"])
@pytest.mark.parametrize(
    ("first", "second", "arguments"),
    [
        ("/left/image", "left/image", ()),
        ("~/image", "detector/image", ()),
        ("left", "right", ("-r", "left:=eye", "-r", "right:=eye")),
    ],
)
def test_one_topic_under_two_names(make_node, parameter, first, second, arguments):
    names = {"image_topics": "[one, two]", parameter: f"['{first}', '{second}']"}
    given = [part for name, value in names.items() for part in ("-p", f"{name}:={value}")]
    line = refused(make_node(*given, *arguments, name="detector"))
    assert line.startswith(f"parameter {parameter}: {first!r} and {second!r} are one topic, /")


def test_cameras_whose_results_would_meet(make_node):
    node = make_node("-p", "image_topics:=[/left/image, left/image]", namespace="/robot")
    assert "the results of two cameras would lie below one name" in refused(node)


@pytest.mark.parametrize("depths", ["[/left]", "[/left, /right, /more]"])
def test_depth_of_some_cameras_alone(make_node, depths):
    node = make_node("-p", "image_topics:=[left, right]", "-p", f"depth_topics:={depths}")
    assert "image_topics 2: name the depth of each camera" in refused(node)


def test_a_list_that_is_none(make_node):
    assert refused(make_node("-p", "depth_topics:=3")).startswith("parameter depth_topics must be")
    assert refused(make_node("-p", "image_topics:=[]")).startswith(
        "parameter image_topics: must be"
    )
    assert refused(make_node("-p", "depth_topics:=['', /a]", "-p", "image_topics:=[a, b]"))


def test_an_empty_list_of_depth_is_as_none(make_node):
    assert cameras(make_node("-p", "depth_topics:=[]")) == [StreamTopics("image", "~", "depth")]
