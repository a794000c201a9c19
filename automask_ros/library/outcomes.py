"""What became of views: a mask in use, refused, vetoed, drawn by a person, or none yet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum

from automask_ros.types import PERSON, View

_NUMBER = re.compile(r"\d+(\.\d+)?")


class Outcome(Enum):
    """The one word for a view; a veto stands above everything else."""

    REFUSED = "refused"
    ACCEPTED = "accepted"
    DRAWN = "drawn"
    VETOED = "vetoed"
    WAITING = "no mask yet"


def outcome_of(view: View) -> Outcome:
    """What became of one view."""
    if view.vetoed:
        return Outcome.VETOED
    if view.verdict is None:
        return Outcome.WAITING
    if view.drawn:
        return Outcome.DRAWN
    return Outcome.ACCEPTED if view.verdict.accepted else Outcome.REFUSED


def count_outcomes(views: Iterable[View]) -> Counter[Outcome]:
    """How many views met each outcome."""
    return Counter(outcome_of(view) for view in views)


def count_reasons(views: Iterable[View]) -> Counter[str]:
    """How often masks were refused for each kind of reason; one mask may have several."""
    return Counter(
        kind
        for view in views
        if view.verdict is not None and not view.verdict.accepted
        for kind in _kinds(view)
    )


def _kinds(view: View) -> list[str]:
    """A view's reasons without the figures in them, so that equal ones can be counted."""
    if view.verdict is None:
        return []
    if view.made_by == PERSON:
        return ["repainted, but not usable"]
    kinds = (_NUMBER.sub("N", reason.partition(" (")[0]) for reason in view.verdict.reasons)
    return list(dict.fromkeys(kinds))
