"""Whether so much that is new has been shown that training may start by itself."""

from __future__ import annotations

import logging
import time

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.nodes.parameters import ParameterSpec

_LOGGER = logging.getLogger(__name__)

AUTO_TRAIN = ParameterSpec(
    "auto_train",
    0,
    "New accepted masks after which training starts by itself, once no more come; 0: never",
    minimum=0,
    maximum=10000,
    read_only=False,
)
QUIET = 5.0
"""Seconds without a new mask after which no more are expected."""


class AutoTrain:
    """Counts the accepted masks that no training has seen.

    What the newest version learned from is in its model.json, so that a restart goes on counting.
    """

    def __init__(self, library: Library) -> None:
        self._library = library
        self._seen = _taught(library)
        self._new: frozenset[tuple[str, str]] = frozenset()
        self._changed_at = time.monotonic()

    def due(self, least: int) -> int:
        """How many masks are new, when they are `least` at least and no more come; else 0."""
        views = self._library.views()
        new = frozenset((v.label, v.id) for v in views if v.trainable) - self._seen
        now = time.monotonic()
        if new != self._new or self._library.awaited_masks(views):
            self._new, self._changed_at = new, now
        enough = len(new) >= least and now - self._changed_at >= QUIET
        return len(new) if enough else 0

    def begin(self) -> None:
        """A training sees all masks that are accepted now."""
        views = self._library.views()
        self._seen = frozenset((view.label, view.id) for view in views if view.trainable)
        self._new = frozenset()


def _taught(library: Library) -> frozenset[tuple[str, str]]:
    versions = library.models.versions()
    if not versions:
        return frozenset()
    try:
        record = library.models.record(versions[-1])
    except AutomaskError as error:
        _LOGGER.error("all masks count as new: %s", error)
        return frozenset()
    parts = (record.model_extra or {}).get("views", {})
    return frozenset(
        (label, view) for label, of in parts.items() for views in of.values() for view in views
    )
