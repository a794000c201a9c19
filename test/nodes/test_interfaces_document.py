"""docs/interfaces.md says of every parameter what the code says of it."""

from pathlib import Path

import pytest

from automask_ros.nodes import (
    capture_node,
    detector_node,
    mask_generation_node,
    replay_node,
    trainer_node,
)

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "interfaces.md"
NODES = {
    "capture": capture_node.TABLE,
    "mask_generator": mask_generation_node.TABLE,
    "trainer": trainer_node.TABLE,
    "detector": detector_node.TABLE,
    "replay": replay_node.TABLE,
}


def row(spec):
    """How the document writes a parameter down."""
    default = str(spec.default).lower() if isinstance(spec.default, bool) else str(spec.default)
    if isinstance(spec.default, tuple):
        default = f"[{', '.join(spec.default)}]"
    if spec.choices:
        allowed = ", ".join(spec.choices)
    elif spec.minimum is not None and spec.maximum is not None:
        allowed = f"{spec.minimum:.10g} to {spec.maximum:.10g}"
    else:
        allowed = "true, false" if isinstance(spec.default, bool) else ""
    when = "start" if spec.read_only else "any time"
    shown = f"`{default}`" if default else ""
    return f"| `{spec.name}` | {shown} | {allowed} | {when} | {spec.description} |"


@pytest.mark.parametrize("node", NODES)
def test_parameters_are_written_down_as_they_are(node):
    section = DOCUMENT.read_text().partition(f"### Parameters of `{node}`\n")[2].partition("\n#")[0]
    written = [line for line in section.splitlines() if line.startswith("| `")]
    rows = [row(spec) for spec in NODES[node]]
    assert written == rows, "docs/interfaces.md should say:\n" + "\n".join(rows)
