"""The parameter tables: every parameter described and bounded, and every value checked."""

import re

import pytest
from rclpy.parameter import Parameter

from automask_ros.cli.train import train
from automask_ros.detection.holdout import LEAST_VIEWS
from automask_ros.detection.training import TrainConfig
from automask_ros.errors import AutomaskError
from automask_ros.library.labels import check_label
from automask_ros.nodes import capture_node, detector_node, mask_generation_node, trainer_node
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.train_parameters import TRAIN_TABLE, train_settings

TABLES = {
    module.__name__.rpartition(".")[2]: module.TABLE
    for module in (capture_node, detector_node, mask_generation_node, trainer_node)
}
TABLE = (
    ParameterSpec("label", "mug", "A name", read_only=False, check=check_label),
    ParameterSpec("views", 40, "A number", minimum=1, maximum=100, read_only=False),
    ParameterSpec("share", 0.5, "A share", minimum=0.0, maximum=1.0, read_only=False),
    ParameterSpec("mode", "raw", "A choice", choices=("raw", "compressed")),
)


def test_defaults_overrides_and_descriptors(make_node):
    node = make_node("-p", "views:=7")
    parameters = Parameters(node, TABLE)
    assert [parameters[name] for name in ("label", "views", "share", "mode")] == [
        "mug",
        7,
        0.5,
        "raw",
    ]
    assert node.describe_parameter("views").integer_range[0].to_value == 100
    assert node.describe_parameter("share").floating_point_range[0].to_value == 1.0
    assert node.describe_parameter("mode").additional_constraints == "one of: raw, compressed"
    assert node.describe_parameter("mode").read_only


@pytest.mark.parametrize(
    ("assignment", "line"),
    [
        ("label:=../x", "parameter label: label '../x' is not usable"),
        ("views:=0", "parameter views out of range"),
        ("views:=many", "parameter views must be of type int, as in views:=40"),
        ("views:=[]", "parameter views must be of type int, as in views:=40"),
        ("mode:=[]", "parameter mode must be of type str, as in mode:='raw'"),
        ("share:=1.5", "parameter share out of range"),
        ("mode:=smoke", "parameter mode is 'smoke': it must be one of raw, compressed"),
    ],
)
def test_a_wrong_value_at_start_is_one_line(make_node, assignment, line):
    with pytest.raises(AutomaskError, match=f"^{re.escape(line)}") as caught:
        Parameters(make_node("-p", assignment), TABLE)
    assert "\n" not in str(caught.value)


def test_changes_are_checked_and_told(make_node):
    node, told = make_node(), []
    parameters = Parameters(node, TABLE, lambda name, value: told.append((name, value)))
    results = node.set_parameters(
        [
            Parameter("label", value="can"),
            Parameter("label", value="../x"),
            Parameter("views", value=101),
            Parameter("mode", value="compressed"),
        ]
    )
    assert [result.successful for result in results] == [True, False, False, False]
    assert "'../x'" in results[1].reason
    assert told == [("label", "can")]
    assert parameters["label"] == "can"


@pytest.mark.parametrize("name", TABLES)
def test_every_parameter_is_described_and_bounded(name):
    for spec in TABLES[name]:
        assert len(spec.description) > 10
        if isinstance(spec.default, (int, float)) and not isinstance(spec.default, bool):
            assert spec.minimum is not None and spec.maximum is not None
            assert spec.minimum <= spec.default <= spec.maximum
        assert spec.problem(spec.default) is None


def test_the_trainers_defaults_are_those_of_the_library():
    defaults = {spec.name: spec.default for spec in TRAIN_TABLE}
    assert TrainConfig(**train_settings(defaults)) == TrainConfig()


def test_no_fewer_views_can_be_asked_for_than_can_be_split():
    [spec] = [spec for spec in TRAIN_TABLE if spec.name == "min_views"]
    [option] = [option for option in train.params if option.name == "min_views"]
    assert spec.minimum == option.type.min == LEAST_VIEWS
