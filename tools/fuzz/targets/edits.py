"""Changes to plain data that a fuzzer chooses: random bytes hardly ever are JSON any more."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from targets.provider import Provider

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 9, 2**31, 2**63, -(2**63), 10**400, 10**4299),
    *(0.5, -0.0, 1e308, float("nan"), float("inf")),
    *("", "cup", "lite", "1", "queued", "\ud800", "a\0b", "../../x", "/etc/passwd"),
    *("a" * 5000, "é日", [], {}, [[]], [1] * 1000, [None], {"": 1}, [[0.0] * 6]),
    {"size": [6, 8], "counts": [48]},
    {"size": [6, 8], "counts": "0000"},
)
_MOST_EDITS = 4


def edited(content: Any, fields: Provider) -> Any:
    """`content` with up to four changes; it is changed itself."""
    for _ in range(1 + fields.uint8() % _MOST_EDITS):
        places = list(_places(content))
        if not places:
            break
        parent, key = places[fields.uint8() % len(places)]
        choice = fields.uint8()
        if choice == 255:
            del parent[key]
        elif choice == 254 and isinstance(parent, dict):
            parent[f"x{fields.uint8()}"] = deepcopy(ODD[fields.uint8() % len(ODD)])
        elif choice == 254:
            parent.append(deepcopy(parent[key]))
        else:
            parent[key] = deepcopy(ODD[choice % len(ODD)])
    return content


def _places(content: Any) -> Any:
    """Every (parent, key) below `content`."""
    items = content.items() if isinstance(content, dict) else enumerate(content)
    for key, value in list(items):
        yield content, key
        if isinstance(value, dict | list):
            yield from _places(value)
