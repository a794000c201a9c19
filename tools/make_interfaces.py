"""Brings the tables of docs/interfaces.md up to date with the running nodes and the launch files.

    python tools/make_interfaces.py            writes the document
    python tools/make_interfaces.py --check    says where it differs, and writes nothing

The tables stand between `<!-- made: WHAT -->` and `<!-- end -->`. Everything else is written by
hand, as are the last columns of the tables of topics, services, diagnostics: they stay with their
row. The tables of launch arguments need `launch` and `launch_ros`; where there are none, they stay.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from diagnostic_keys import occasional_keys
from launch_arguments import launch_rows
from running_nodes import CAMERAS, NODES, Endpoint, Observed, Offer, observe

from automask_ros.nodes.environment import ros_environment

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "interfaces.md"
_TABLE = re.compile(r"(<!-- made: (.*?) -->\n)(.*?)(<!-- end -->)", re.DOTALL)
_PERCENTILE = re.compile(r"(.+)_p\d+_ms")

Rows = list[tuple[str, ...]]
TOPICS = ("topic", "way", "type", "QoS", "when", "what it is")
SERVICES = ("service", "type", "what it does")
PARAMETERS = ("name", "type", "default", "allowed", "may change", "what it does")
KEYS = ("key", "what it is")


def topics(observed: Observed) -> Rows:
    """A row for each topic that a node has at any time."""
    pairs = ((observed.plain, observed.listened), *observed.transports.values())
    every = sorted(set().union(*(offer.endpoints for pair in pairs for offer in pair)))
    every.sort(key=lambda each: (each.way == "out", each.topic.startswith("/")))
    return [(*_endpoint(each), _when(each, observed)) for each in every]


def _endpoint(each: Endpoint) -> tuple[str, ...]:
    return f"`{each.topic}`", each.way, f"`{each.kind}`", each.qos


def _when(endpoint: Endpoint, observed: Observed) -> str:
    pairs = ((observed.plain, observed.listened), *observed.transports.values())
    when = [] if any(endpoint in plain.endpoints for plain, _ in pairs) else ["while wanted"]
    having = [
        name for name, (_, offer) in observed.transports.items() if endpoint in offer.endpoints
    ]
    if len(having) < len(observed.transports):
        when.insert(0, f"`image_transport` {', '.join(having)}")
    return ", ".join(when) or "always"


def services(observed: Observed) -> Rows:
    """A row for each service."""
    return [(f"`{name}`", f"`{kind}`") for name, kind in sorted(observed.plain.services)]


def parameters(observed: Observed) -> Rows:
    """A row for each parameter of a node, but for the overrides of QoS."""
    return [
        (f"`{each.name}`", each.kind, each.default, each.allowed, each.when, each.description)
        for each in observed.plain.settings
        if not each.topic
    ]


def keys(name: str, observed: Observed) -> Rows:
    """A row for each value on /diagnostics, percentiles of one figure together."""
    rows: dict[str, list[str]] = {}
    occasional = occasional_keys(NODES[name])
    for key in (*observed.listened.diagnostics, *occasional):
        percentile = _PERCENTILE.fullmatch(key)
        rows.setdefault(percentile[1] if percentile else key, []).append(f"`{key}`")
    return [(", ".join(row),) for row in rows.values()]


def overrides(observed: dict[str, Observed]) -> Rows:
    """A row for each QoS override, with the topics that have it."""
    rows: dict[tuple[str, ...], dict[str, list[str]]] = {}
    for node, of in observed.items():
        for each in of.listened.settings:
            if each.topic:
                row = (f"`{each.name}`", each.kind, each.default, each.allowed, each.when)
                places = rows.setdefault((*row, each.description), {})
                places.setdefault(node, []).append(f"`{each.topic}`")
    return [
        (*row, "; ".join(f"{node}: {', '.join(of)}" for node, of in places.items()))
        for row, places in rows.items()
    ]


def made_tables(observed: dict[str, Observed]) -> dict[str, tuple[Sequence[str], Rows]]:
    """Every table by its name: the heads of its columns, and its rows, which lack the column that
    is written by hand if they are one cell shorter."""
    tables: dict[str, tuple[Sequence[str], Rows]] = {}
    for name, of in observed.items():
        tables[f"topics of {name}"] = TOPICS, topics(of)
        tables[f"services of {name}"] = SERVICES, services(of)
        tables[f"parameters of {name}"] = PARAMETERS, parameters(of)
        tables[f"diagnostics of {name}"] = KEYS, keys(name, of)
        if of.cameras != Offer():
            rows = [_endpoint(each) for each in sorted(of.cameras.endpoints)]
            tables[f"topics of {name} with image_topics {CAMERAS}"] = TOPICS[:4], rows
    tables["QoS overrides"] = (*PARAMETERS, "TOPIC is one of"), overrides(observed)
    if (rows := launch_rows()) is not None:
        heads = ("argument", "launch files", "default", "allowed", "what it is")
        tables["launch arguments"] = heads, rows
    # A kind of table without a row needs no place in the document.
    return {name: table for name, table in tables.items() if table[1]}


def renewed(text: str, tables: dict[str, tuple[Sequence[str], Rows]]) -> tuple[str, list[str]]:
    """The document with its tables made anew, and what is left to be written by hand."""
    left = [f"a place for the {name}: <!-- made: {name} --> <!-- end -->" for name in tables]

    def renew(match: re.Match[str]) -> str:
        begin, name, old, end = match.groups()
        if name not in tables:
            if name != "launch arguments":
                left.append(f"{name}: there is nothing of that name any more")
            return match[0]
        left.remove(f"a place for the {name}: <!-- made: {name} --> <!-- end -->")
        heads, rows = tables[name]
        told = dict(_first_and_last(old))
        full = [row if len(row) == len(heads) else (*row, told.get(row[0], "")) for row in rows]
        left.extend(f"{name}: what {row[0]} is" for row in full if not row[-1])
        return begin + _table(heads, full) + end

    return _TABLE.sub(renew, text), left


def _first_and_last(table: str) -> Iterable[tuple[str, str]]:
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        yield cells[0], cells[-1]


def _table(heads: Sequence[str], rows: Rows) -> str:
    lines = (heads, ["---"] * len(heads), *rows)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 on a difference"
    )
    options = parser.parse_args()
    written = DOCUMENT.read_text()
    made, left = renewed(written, made_tables(_observed_at_home()))
    if not options.check:
        DOCUMENT.write_text(made)
    elif made != written:
        sys.stdout.writelines(
            difflib.unified_diff(
                written.splitlines(True), made.splitlines(True), "written", "as it is", n=0
            )
        )
        sys.stdout.write("renew it with: python tools/make_interfaces.py\n")
    for each in left:
        sys.stdout.write(f"to be written by hand in {DOCUMENT.name}: {each}\n")
    return 1 if left or (options.check and made != written) else 0


def _observed_at_home() -> dict[str, Observed]:
    """What the nodes offer when started with their defaults, in an empty home."""
    os.environ.update(ros_environment())
    with tempfile.TemporaryDirectory() as home:
        os.environ["HOME"] = home
        return observe()


if __name__ == "__main__":
    raise SystemExit(main())
