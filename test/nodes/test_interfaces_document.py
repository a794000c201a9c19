"""docs/interfaces.md says of the running nodes and of the launch files what they are."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
TOOL = ROOT / "tools" / "make_interfaces.py"
DOCUMENT = ROOT / "docs" / "interfaces.md"


def test_the_document_says_what_the_nodes_have():
    # In a process of its own: it starts every node several times over.
    checked = subprocess.run(
        [sys.executable, str(TOOL), "--check"], capture_output=True, text=True, timeout=900
    )
    assert checked.returncode == 0, (
        f"python {TOOL.relative_to(ROOT)} renews docs/interfaces.md\n"
        f"{checked.stdout}{checked.stderr}"
    )


def test_no_launch_argument_is_left_out_where_there_is_no_launch_to_ask():
    """The test above compares the whole table, but only where `launch` is installed."""
    declared = {
        (node.args[0].value, beginning(keyword.value))
        for path in [*ROOT.glob("launch/*.py"), *ROOT.glob("automask_ros/nodes/launch*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "DeclareLaunchArgument"
        for keyword in node.keywords
        if keyword.arg == "description"
    }
    table = DOCUMENT.read_text().partition("<!-- made: launch arguments -->")[2]
    rows = re.findall(r"^\| `(\w+)` \|.* \| (.*?) \|$", table, re.MULTILINE)
    assert {name for name, _ in declared} == {name for name, _ in rows}
    for name, words in declared:
        told = [text for of, text in rows if of == name]
        assert any(text.startswith(words) for text in told), f"{name}: {words}, not {told}"


def beginning(description):
    """The words that a description begins with: it may go on with the name of others."""
    while isinstance(description, ast.BinOp):
        description = description.left
    return description.value
