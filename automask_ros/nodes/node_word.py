"""What another node said last on its `~/progress`, with figures that anybody may have published."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Word:
    """The last word of a node; `order`: when its state changed, among all; 0 as long as never."""

    message: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    troubled: bool = False
    order: int = 0

    def text(self, key: str) -> str:
        """A value; empty where there is none."""
        return self.values.get(key, "")

    def number(self, key: str) -> int:
        """A figure without its fraction; 0 where there is none."""
        return round(self.figure(key) or 0.0)

    def figure(self, key: str) -> float | None:
        """A finite figure; None where there is none."""
        try:
            figure = float(self.text(key))
        except ValueError:
            return None
        return figure if math.isfinite(figure) else None
