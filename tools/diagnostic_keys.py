"""Keys of /diagnostics that a node has only once there is something to count."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

_PACKAGE = "automask_ros.nodes."


def occasional_keys(create: Callable[..., Any]) -> list[str]:
    """As in `bad frame: KIND`, of a node's class: read from its source and from that of the modules
    of the same package that it is made of. What stands in capitals is filled in by the node."""
    found = {key for module in _modules(sys.modules[create.__module__]) for key in _keys(module)}
    return sorted(found)


def _modules(module: ModuleType) -> list[ModuleType]:
    found, ahead = [module], [module]
    while ahead:
        for node in ast.walk(ast.parse(inspect.getsource(ahead.pop()))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
            for name in names:
                other = sys.modules.get(name)
                if name.startswith(_PACKAGE) and other is not None and other not in found:
                    found.append(other)
                    ahead.append(other)
    return found


def _keys(module: ModuleType) -> Iterator[str]:
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "FaultCounts":
            if isinstance(node.args[0], ast.Constant):
                yield f"{node.args[0].value}: KIND"
        elif isinstance(node, ast.DictComp):
            yield from _pattern(node.key)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            yield from _pattern(node.targets[0].slice)


def _pattern(key: ast.expr) -> Iterator[str]:
    """`refused: WHY` for f"refused: {why}"; nothing for keys that are filled in from the front."""
    if isinstance(key, ast.JoinedStr) and isinstance(key.values[0], ast.Constant):
        yield "".join(
            ast.unparse(part.value).upper() if isinstance(part, ast.FormattedValue) else part.value
            for part in key.values
        )
