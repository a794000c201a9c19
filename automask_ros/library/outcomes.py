"""What became of views: a mask in use, refused, vetoed, drawn by a person, or none yet."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from enum import Enum

from automask_ros.types import PERSON, View

_SHARE = re.compile(r"\d+(\.\d+)?%")


class Outcome(Enum):
    """The one word for a view; a veto stands above everything else.

    Tables show them in this order, beside the number of views, which they add up to.
    """

    ACCEPTED = "accepted"
    REFUSED = "refused"
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


def refusals(views: Iterable[View]) -> dict[str, list[str]]:
    """The ids of the refused views for each kind of reason, the most frequent kind first.

    One view may be refused for several reasons, and is named at each.
    """
    found: dict[str, list[str]] = {}
    for view in views:
        if outcome_of(view) is Outcome.REFUSED:
            for kind in _kinds(view):
                found.setdefault(kind, []).append(view.id)
    return dict(sorted(found.items(), key=lambda item: -len(item[1])))


def _kinds(view: View) -> list[str]:
    """A view's reasons without the figures in them, so that equal ones meet."""
    if view.verdict is None:
        return []
    if view.made_by == PERSON:
        return ["repainted, but not usable"]
    # Figures stand in brackets at the end, or are shares: "along 72% of the boundary".
    kinds = (_SHARE.sub("part", reason.partition(" (")[0]) for reason in view.verdict.reasons)
    return list(dict.fromkeys(kinds))
