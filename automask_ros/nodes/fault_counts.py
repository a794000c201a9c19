"""Bad messages, counted by kind; the log has the first of each kind."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.message_faults import Fault


class FaultCounts:
    """Counts what is wrong with the messages of one topic, from any one thread.

    `what` begins their keys on /diagnostics (`bad frame`). `warn` is the node's logger: a camera
    that sends nothing but bad frames writes one line, not thirty a second.
    """

    def __init__(self, what: str, warn: Callable[[str], object]) -> None:
        self._what = what
        self._warn = warn
        self._counts = dict.fromkeys(Fault, 0)
        self.last = ""
        """What is wrong with the newest message, in one line; empty when it is good."""

    @property
    def total(self) -> int:
        """All bad messages so far."""
        return sum(self._counts.values())

    def add(self, error: AutomaskError, where: str = "") -> None:
        """Count a message that is bad; `where` names what it came from."""
        kind = Fault.of(error)
        self._counts[kind] += 1
        self.last = one_line(f"{where}: {error}" if where else error, 400)
        if self._counts[kind] == 1:
            self._warn(f"{self.last} (others are counted on /diagnostics: {self._key(kind)})")

    def good(self) -> None:
        """Say that the newest message is good."""
        self.last = ""

    def figures(self) -> dict[str, int]:
        """For the diagnostics: how many there were of each kind that was met."""
        return {self._key(kind): count for kind, count in self._counts.items() if count}

    def _key(self, kind: Fault) -> str:
        return f"{self._what}: {kind.value}"


def together(counts: Iterable[FaultCounts]) -> dict[str, int]:
    """The figures of several topics as one."""
    sums: Counter[str] = Counter()
    for each in counts:
        sums.update(each.figures())
    return dict(sums)
