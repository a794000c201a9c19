"""docs/data.md names what there is: options, layouts, and the graph's inputs and outputs."""

from pathlib import Path

import pytest

from automask_ros.cli.export import export
from automask_ros.cli.import_ import import_
from automask_ros.detection.export import INPUTS, OPSET, OUTPUTS
from automask_ros.library.annotation_sets import _LAYOUTS
from automask_ros.library.coco_faults import _LONGEST
from automask_ros.library.set_files import _MOST_GROWTH

DOCS = Path(__file__).parent.parent / "docs"
DATA = (DOCS / "data.md").read_text()


@pytest.mark.parametrize("command", [export, import_], ids=lambda command: command.name)
def test_every_option_is_explained(command):
    text = DATA + (DOCS / "review.md").read_text()
    for option in command.params:
        names = [*option.opts, *option.secondary_opts]
        assert option.name in ("library", "annotations") or any(
            f"{name}`" in text or f"{name} " in text for name in names
        ), names


def test_the_graph_and_the_layouts_are_those_of_the_code():
    assert f"opset {OPSET}" in DATA and f"more than {_MOST_GROWTH} times" in DATA
    assert f"a way of {_LONGEST // 10**6} million pixels" in DATA
    tables = DATA[DATA.index("## Models: ONNX") :]
    assert all(f"| `{name}` | `(" in tables for name in (*INPUTS, *OUTPUTS))
    assert all(f"`{name}`" in DATA for name in _LAYOUTS)
