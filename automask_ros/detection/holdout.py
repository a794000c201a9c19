"""Which views teach and which measure."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import View

# Neighbouring views are almost the same picture: between the two parts one belongs to neither.
_GAP = 1
LEAST_VIEWS = 2 + _GAP
"""Views of a label that can be split at all."""

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Split:
    """Views of one label, or of several, by what they are for."""

    training: tuple[View, ...]
    held_out: tuple[View, ...]
    neither: tuple[View, ...] = ()

    @property
    def everything(self) -> tuple[View, ...]:
        """All of them."""
        return self.training + self.neither + self.held_out


def split_by_time(views: Sequence[View], share: float) -> Split:
    """The latest `share` of one label's `views` is held out, with a gap before it."""
    ordered = sorted(views, key=lambda view: (view.captured_at, view.id))
    count = max(1, round(len(ordered) * share))
    first = len(ordered) - count
    return Split(
        tuple(ordered[: first - _GAP]),
        tuple(ordered[first:]),
        tuple(ordered[first - _GAP : first]),
    )


def split_library(
    library: Library,
    labels: Sequence[str] | None,
    share: float,
    min_views: int,
    known: Collection[str] = (),
) -> Split:
    """Each label's trainable views, split by capture time.

    `labels` None means every label of the library that has a view. Of these, one that has less than
    `min_views` trainable views is left out, which the log tells, unless it is among those `known`
    to the live model: what was taught is not forgotten. AutomaskError when there is none, or when
    one that is not left out has less.
    """
    least = max(min_views, LEAST_VIEWS)
    chosen = list(labels) if labels is not None else _ready(library, least, known)
    if not chosen:
        raise AutomaskError("the library has no views; add some first (automask add)")
    missing = sorted(set(chosen) - set(library.labels()))
    if missing:
        raise AutomaskError(f"the library has no object {missing[0]}; take it out of labels")
    training: list[View] = []
    held_out: list[View] = []
    neither: list[View] = []
    for label in chosen:
        trainable = library.trainable_views(label)
        if len(trainable) < least:
            raise AutomaskError(
                f"{label} has {len(trainable)} accepted masks of {len(library.views(label))} views "
                f"and needs {least}; make its masks, or show it from more sides on a plainer "
                "background, or train the others alone (labels)"
            )
        split = split_by_time(trainable, share)
        training += split.training
        held_out += split.held_out
        neither += split.neither
    return Split(tuple(training), tuple(held_out), tuple(neither))


def _ready(library: Library, least: int, known: Collection[str]) -> list[str]:
    """The labels with a view, without those that lack masks as long as there are others."""
    shown = [label for label in library.labels() if library.views(label)]
    accepted = {label: len(library.trainable_views(label)) for label in shown}
    few = [label for label in shown if label not in known and accepted[label] < least]
    if len(few) == len(shown):
        return shown
    for label in few:
        words = f"{label} is left out: it has {accepted[label]} accepted masks and needs {least}"
        _LOGGER.warning(words)
    return [label for label in shown if label not in few]
