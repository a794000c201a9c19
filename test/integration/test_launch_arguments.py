"""What a launch file cannot take is said in one line, before anything starts."""

import os

import pytest

pytest.importorskip("launch_ros", reason="launch_ros comes with a ROS 2 installation, not with pip")

from automask_ros.errors import AutomaskError  # noqa: E402
from automask_ros.nodes.launch_arguments import ARGUMENTS, TYPES  # noqa: E402
from automask_ros.nodes.launch_check import TABLES, check_arguments  # noqa: E402
from automask_ros.nodes.parameter_file import check_parameter_file  # noqa: E402
from automask_ros.resources import share_directory  # noqa: E402

SAMPLE = str(share_directory() / "sample" / "teach_cup")
DEFAULTS = {
    name: "".join(part.text for part in argument.default_value)
    for name, argument in ARGUMENTS.items()
}


def test_the_defaults_can_be_taken_and_so_can_a_demo_and_a_robot_of_ones_own(tmp_path):
    check_arguments(DEFAULTS, TYPES)
    own = {
        **{"recording": SAMPLE, "topic": "", "rate": "15", "loop": "true"},
        **{"namespace": "left/arm", "image": "wrist/image", "device": "cuda:1"},
        **{"library": str(tmp_path / "new" / "library"), "min_novelty": "0"},
        **{"image_topics": "[wrist/image, /head/image]", "views": "12", "label": "blue_mug"},
    }
    check_arguments(DEFAULTS | own, TYPES)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("label", "My_Mug", "argument label: label 'My_Mug' is not usable: take 1 to 64"),
        ("library", "/dev/null/x", "argument library: /dev/null is no folder; name another"),
        ("views", "0", "argument views is 0: it must be from 1 to 10000"),
        ("views", "many", "argument views is 'many': it must be a whole number"),
        ("min_novelty", "1.5", "argument min_novelty is 1.5: it must be from 0.0 to 1.0"),
        ("min_novelty", "nan", "argument min_novelty is nan: it must be from 0.0 to 1.0"),
        ("threads", "-1", "argument threads is -1: it must be from 0 to 256"),
        ("runtime", "magic", "argument runtime is 'magic': it must be one of auto, torch, onnx"),
        ("auto_start", "perhaps", "argument auto_start is 'perhaps': it must be true or false"),
        ("device", "gpu", "argument device: no device is called 'gpu': give auto, cpu, cuda"),
        ("fcn", "fcn8s", "argument fcn: there is nothing at fcn8s; give lite or a whole path"),
        ("base_model", "/no", "argument base_model: there is nothing at /no; give lite, resnet50"),
        ("image", "a//b", "argument image: 'a//b' is no name: topic name must not contain repeat"),
        ("image", "", "argument image: no topic given; name one, as in camera/image_raw"),
        ("depth", "a b", "argument depth: 'a b' is no name: topic name must not contain char"),
        ("image_topics", "[a", "argument image_topics is '[a': it must be a list, as in [/left"),
        ("image_topics", "[a, 1b]", "argument image_topics: '1b' is no name: topic name token"),
        ("namespace", "a-b", "argument namespace: 'a-b' is no name: namespace must not contain"),
        ("params", "/no.yaml", "argument params: there is no parameter file /no.yaml; check the"),
        ("recording", "/no", "argument recording: there is no recording at /no; check the path"),
        ("topic", "/up", "argument recording: the recording {sample} has no image topic /up"),
    ],
)
def test_one_line_for_each_fault(name, text, line):
    demo = {"recording": SAMPLE, "topic": ""}
    with pytest.raises(AutomaskError) as caught:
        check_arguments(DEFAULTS | demo | {name: text}, TYPES)
    assert str(caught.value).startswith(line.format(sample=SAMPLE))
    assert "\n" not in str(caught.value)


def test_a_library_that_cannot_be_written_serves_a_detector(tmp_path, monkeypatch):
    library = tmp_path / "library"
    library.mkdir()
    detecting = {
        name: text for name, text in DEFAULTS.items() if name not in ("label", "views", "train")
    }
    monkeypatch.setattr("os.access", lambda path, mode: not mode & os.W_OK)
    check_arguments(detecting | {"library": str(library)}, TYPES)
    for given in (DEFAULTS | {"library": str(library)}, detecting | {"library": f"{library}/new"}):
        with pytest.raises(AutomaskError, match="cannot be written to"):
            check_arguments(given, TYPES)
    with pytest.raises(AutomaskError, match="argument library: / cannot be written to"):
        check_arguments(DEFAULTS | {"library": f"/{'x' * 300}"}, TYPES)


@pytest.mark.parametrize(
    ("node", "parameters", "line"),
    [
        ("/**/capture", "{veiws: 3}", "capture has no parameter veiws; is it views?"),
        ("capture", "{views: 0}", "capture: views is 0: it must be from 1 to 10000"),
        ("/arm/detector", "{runtime: magic}", "detector: runtime is 'magic': it must be one of"),
        (
            "/arm",
            "{}\n  trainer: {ros__parameters: {device: 7}}",
            "trainer: device must be of type",
        ),
        ("replay", "{rate: 5}", "replay: rate must be of type float, as in rate:=0.0"),
        ("capture", "{views: 3", "is no parameter file: while parsing a flow mapping"),
    ],
)
def test_a_parameter_file_is_read_before_the_nodes_read_it(tmp_path, node, parameters, line):
    path = tmp_path / "mine.yaml"
    path.write_text(f"{node}:\n  ros__parameters: {parameters}")
    with pytest.raises(AutomaskError) as caught:
        check_parameter_file(path, TABLES)
    assert line in str(caught.value) and str(caught.value).startswith(str(path))


def test_a_file_without_a_parameter_is_no_parameter_file(tmp_path):
    path = tmp_path / "mine.yaml"
    for text in ("", "capture: {views: 3}"):
        path.write_text(text)
        with pytest.raises(AutomaskError, match="is no parameter file: no ros__parameters stands"):
            check_parameter_file(path, TABLES)


def test_a_parameter_file_may_have_more_than_ours(tmp_path):
    path = tmp_path / "robot.yaml"
    path.write_text(
        """
/**:
  ros__parameters: {use_sim_time: true, anything: 1}
/**/camera_driver:
  ros__parameters: {exposure: 7}
/**/detector:
  ros__parameters:
    use_sim_time: true
    image_topics: [/left/image_raw]
    qos_overrides:
      /camera/image_raw:
        subscription: {reliability: reliable, depth: 2}
"""
    )
    check_parameter_file(path, TABLES)
    for name in ("robot_cpu.yaml", "workstation_gpu.yaml"):
        check_parameter_file(share_directory() / "config" / name, TABLES)


def test_the_launch_ends_with_the_line_and_has_started_nothing(launch, tmp_path):
    process = launch("teach.launch.py", f"library:={tmp_path / 'library'}", "views:=0")
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    lines = [line for line in output.splitlines() if "[ERROR]" in line]
    assert len(lines) == 1
    assert lines[0].endswith("argument views is 0: it must be from 1 to 10000")
    assert "process started" not in output and not (tmp_path / "library").exists()
