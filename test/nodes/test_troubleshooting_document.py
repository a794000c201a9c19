"""docs/troubleshooting.md explains every line that a node can say, and no other."""

import ast
import re
import sys
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from spoken_lines import HOLE, PACKAGE, pattern_of, spoken_lines, words_in  # noqa: E402

from automask_ros.library.message_faults import Fault  # noqa: E402

DOCUMENT = ROOT / "docs" / "troubleshooting.md"
TOLD = 3
"""Fixed words that an entry must have, unless the line itself has fewer."""
# In the page N, TOPIC or 0.68 stand for what is filled in, and `...` for what is left out.
FILLED_IN = re.compile(r"\.\.\.|\b[A-Z]+x[A-Z]+\b|\b[A-Z][A-Z0-9_]*\b|\d+(?:\.\d+)?")
ROW = re.compile(r"^\| (.*?`.*?) \| ", re.MULTILINE)


def entries(text):
    """The lines that the page explains: what stands as code in the first column of a table."""
    return [entry for row in ROW.findall(text) for entry in re.findall(r"`(.*?)`", row)]


@cache
def pattern(entry):
    """Matches the lines that an entry speaks of, with more before a colon and behind it."""
    before = ".*" if entry.startswith("...") else r"(.*?[:;,(] (or )?)?"
    behind = ".*" if entry.endswith("...") else r"([:;,] .*| \(.*)?"
    words = entry.removeprefix("...").removesuffix("...").strip(" :;,")
    return re.compile(f"{before}{filled(words)}{behind}")


def filled(words):
    """An expression for words of the page, whatever is filled into them."""
    return re.escape(FILLED_IN.sub("\0", words)).replace("\0", ".*?")


@cache
def fixed(entry):
    """The words of an entry that are always the same."""
    return words_in(FILLED_IN.sub(" ", entry))


def explains(entry, line):
    """Whether an entry of the page speaks of a line."""
    enough = min(TOLD, len(fixed(line)))
    # The first two are there for speed: the last is slow.
    return (
        len(fixed(entry)) >= enough
        and set(fixed(entry)) <= set(words_in(line))
        and bool(pattern(entry).fullmatch(line))
    )


def holds(code, part):
    """Whether a part of a line stands within what the page shows as code."""
    words = re.escape(part.strip(" .:;,").replace(HOLE, "\0")).replace("\0", ".*?")
    return bool(re.search(words, code))


PAGE = DOCUMENT.read_text()
ENTRIES = entries(PAGE)
CODE = [code for line in PAGE.splitlines() for code in re.findall(r"`([^`]+)`", line)]


def test_every_line_that_a_node_can_say_is_explained():
    lines = spoken_lines()
    assert len(lines) > 200, "the lines are no longer found in the code"
    missing = {
        f"{line.place}: {line.words}"
        for line in lines
        if not any(explains(entry, line.words) for entry in ENTRIES)
        and not (line.part and any(holds(code, line.words) for code in CODE))
    }
    assert not missing, "to be explained in docs/troubleshooting.md:\n" + "\n".join(missing)


def test_every_kind_of_bad_message_is_explained():
    kinds = {re.sub("^bad [a-z_]+", "...", entry) for entry in ENTRIES}
    assert {f"...: {fault.value}" for fault in Fault} <= kinds


def test_what_the_page_explains_is_said_in_the_code():
    said = words_of_the_package()
    gone = {
        entry
        for entry in ENTRIES
        for clause in clauses(entry)
        if not re.search(filled(clause.strip(" .:;,")).removeprefix(".*?"), said)
    }
    assert not gone, "said nowhere any more:\n" + "\n".join(gone)


def clauses(entry):
    """The parts of an entry that have fixed words: a line may be put together of several texts."""
    parts = re.split(r"[:;,] | \(", entry)
    return [part for part in parts if len(fixed(part)) > 1] or [entry]


def words_of_the_package():
    """Every text in the code, with its holes, one a line."""
    trees = (ast.parse(path.read_text()) for path in PACKAGE.rglob("*.py"))
    nodes = (node for tree in trees for node in ast.walk(tree))
    texts = (ast.Constant, ast.JoinedStr, ast.BinOp)
    found = {pattern_of(node) for node in nodes if isinstance(node, texts)}
    return "\n".join(" ".join(text.split()) for text in found if words_in(text))


def test_the_contents_lead_to_every_section():
    listed = re.findall(r"^- \[(.*?)\]\(#(.*?)\)", PAGE, re.MULTILINE)
    sections = re.findall(r"^## (.*)$", PAGE, re.MULTILINE)
    assert [(name, name.lower().replace(" ", "-")) for name in sections] == listed
