"""A teaching session told on the console: the commands at its start, then what it wants."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from automask_ros.nodes.guidance import Guidance, Tone

_PACE = {Tone.WAIT: 5.0, Tone.GOOD: 2.0, Tone.ACT: 2.0, Tone.TROUBLE: 2.0}
"""Least seconds between two lines in one tone; another tone is told after the half of it."""
_AGAIN = 20.0
"""Seconds after which a trouble is told again of which but the figures are new."""
_FIGURES = re.compile(r"\d+")

_COMMANDS = (
    ("begin, or go on", "ros2 service call {}/capture/start std_srvs/srv/Trigger"),
    ("pause", "ros2 service call {}/capture/stop std_srvs/srv/Trigger"),
    ("undo the newest view", "ros2 service call {}/capture/undo std_srvs/srv/Trigger"),
    (
        "refuse the newest mask",
        "ros2 service call {}/mask_generator/veto_last std_srvs/srv/Trigger",
    ),
    ("train", "ros2 service call {}/trainer/train std_srvs/srv/Trigger"),
    ("the next object", "ros2 param set {}/capture label NAME"),
    ("watch", "ros2 run rqt_image_view rqt_image_view {}/teach/preview"),
)


def command(what: str, namespace: str) -> str:
    """The command line that does `what`, one of those listed at the start."""
    return dict(_COMMANDS)[what].format(namespace.rstrip("/"))


def commands(namespace: str) -> Sequence[str]:
    """One line for each thing that a person may do, aligned."""
    width = max(len(what) for what, _ in _COMMANDS)
    return [f"  {what:<{width}}  {command(what, namespace)}" for what, _ in _COMMANDS]


class Narrator:
    """Says each new guidance once, and no more lines than a person reads."""

    def __init__(self, say: Callable[[Tone, str], None]) -> None:
        self._say = say
        self._last: Guidance | None = None
        self._line = ""
        self._at = 0.0

    def tell(self, guidance: Guidance, now: float) -> None:
        """Say it if it is new and due; `now` in steady seconds."""
        line = line_of(guidance)
        if line == self._line:
            return
        if self._last is not None:
            pace = _PACE[guidance.tone]
            if guidance.tone is not self._last.tone:
                pace /= 2
            elif guidance.tone is Tone.TROUBLE and _alike(line, self._line):
                pace = _AGAIN
            if now - self._at < pace:
                return
        self._say(guidance.tone, line)
        self._last, self._line, self._at = guidance, line, now


def _alike(one: str, other: str) -> bool:
    return _FIGURES.sub("", one) == _FIGURES.sub("", other)


def line_of(guidance: Guidance) -> str:
    """A guidance in one line."""
    if not guidance.detail:
        return guidance.text
    if guidance.text.endswith(")"):
        return f"{guidance.text[:-1]}, {guidance.detail})"
    return f"{guidance.text} ({guidance.detail})"
