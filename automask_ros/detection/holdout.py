"""Which views teach and which measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import View

# Neighbouring views are almost the same picture: between the two parts one belongs to neither.
_GAP = 1


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
    library: Library, labels: Sequence[str] | None, share: float, min_views: int
) -> Split:
    """Each label's trainable views, split by capture time.

    `labels` None means every label of the library that has a view. AutomaskError when there is
    none, or when one has less than `min_views` trainable views.
    """
    chosen = list(labels) if labels is not None else _labels_with_views(library)
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
        if len(trainable) < max(min_views, 2 + _GAP):
            raise AutomaskError(
                f"{label} has {len(trainable)} accepted masks of {len(library.views(label))} views "
                f"and needs {max(min_views, 2 + _GAP)}; make its masks, or show it from more sides "
                "on a plainer background, or train the others alone (labels)"
            )
        split = split_by_time(trainable, share)
        training += split.training
        held_out += split.held_out
        neither += split.neither
    return Split(tuple(training), tuple(held_out), tuple(neither))


def _labels_with_views(library: Library) -> list[str]:
    return [label for label in library.labels() if library.views(label)]
