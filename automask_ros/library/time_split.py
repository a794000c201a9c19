"""Views split by the time of their capture, so that neighbours stay together."""

from __future__ import annotations

from collections.abc import Sequence

from automask_ros.errors import AutomaskError
from automask_ros.types import View

#: How far the cut may move from the share that was asked for, as a part of that share.
_SLACK = 0.5


def latest_views(views: Sequence[View], share: float) -> set[View]:
    """About that share of each object's views, the latest; none when the share is 0.

    Views of one capture resemble each other, so each object's views are cut once, in the order of
    time, and where the camera rested longest near the place that the share asks for. An object with
    a single view keeps it. AutomaskError when none has more.
    """
    if share <= 0.0:
        return set()
    latest: set[View] = set()
    for label in sorted({view.label for view in views}):
        own = sorted(
            (view for view in views if view.label == label), key=lambda v: (v.captured_at, v.id)
        )
        if len(own) > 1:
            latest.update(own[_cut(own, share) :])
    if not latest:
        raise AutomaskError("no object has two views to split; export without a validation part")
    return latest


def _cut(ordered: Sequence[View], share: float) -> int:
    """Where the later part begins, 1 to N - 1."""
    wanted = share * len(ordered)
    least, most = (round(wanted * (1.0 - _SLACK)), round(wanted * (1.0 + _SLACK)))
    counts = range(min(max(1, least), len(ordered) - 1), min(max(1, most), len(ordered) - 1) + 1)

    def rest(count: int) -> tuple[float, float]:
        first = len(ordered) - count
        gap = ordered[first].captured_at - ordered[first - 1].captured_at
        # To the millisecond: where all gaps are alike, the share decides.
        return round(gap, 3), -abs(count - wanted)

    return len(ordered) - max(counts, key=rest)
