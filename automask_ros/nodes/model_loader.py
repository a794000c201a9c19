"""Loads and warms a model beside the live one, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rclpy.node import Node

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.nodes.newest_frame import FrameWorker, NewestFrame

if TYPE_CHECKING:
    from automask_ros.detection.prediction import Predictor


# The first frames of a network take longer: memory is laid out, kernels are chosen. Beside a model
# that detects, whole frames would hold it up for longer than they save.
_WARM_UP, _ALONE, _BESIDE_ANOTHER = 2, (480, 640), (120, 160)


@dataclass(frozen=True)
class LiveModel:
    """A model that is ready to detect, and what to tell about it."""

    predictor: Predictor
    version: int
    location: str
    database_version: int
    least_threshold: float


@dataclass(frozen=True)
class _Order:
    version: int
    database_version: int


class ModelLoader:
    """Loads the versions it is asked for; of several orders that wait, only the newest counts.

    A `score_threshold` below 0 leaves each label the threshold that came with the model; 0
    `threads` take one per core.
    `on_loaded` is called from the loader's thread with a model that was warmed up on a picture.
    A version that cannot be loaded is told in `problem`, and nothing else changes.
    """

    def __init__(
        self,
        node: Node,
        library: Library,
        device: str,
        runtime: str,
        score_threshold: float,
        threads: int,
        on_loaded: Callable[[LiveModel], None],
    ) -> None:
        self._library = library
        self._device = device
        self._runtime = runtime
        self._score_threshold = score_threshold
        self._threads = threads
        self._on_loaded = on_loaded
        self._ordered: _Order | None = None
        self._newest: _Order | None = None
        self._idle = threading.Event()
        self._idle.set()
        self._warm_up_size = _ALONE
        self.problem: str | None = None
        self._orders: NewestFrame[_Order] = NewestFrame()
        self._worker = FrameWorker(node, self._orders, self._work, "model_loader")

    def order_current(self) -> bool:
        """Order the promoted version of the library; whether there is one."""
        version = self._library.models.current()
        if version is not None:
            self._order(_Order(version, self._library.models.database_version()))
        return version is not None

    def order(self, location: str, database_version: int) -> None:
        """Order the model in the folder `location`.

        Raises AutomaskError when that is no version of this library: what a topic names must not
        make this process read files elsewhere.
        """
        models = self._library.models
        folder = Path(location).resolve()
        known = {models.directory(version).resolve(): version for version in models.versions()}
        if folder not in known:
            raise AutomaskError(
                f"model {location!r} is not in the library {self._library.root}: give detector and "
                "trainer the same library"
            )
        self._order(_Order(known[folder], database_version))

    def wait(self, patience: float) -> bool:
        """Wait until nothing is being loaded, at most `patience` seconds; whether it is so."""
        return self._idle.wait(patience)

    def close(self) -> None:
        """Load nothing more."""
        self._worker.close()

    def _order(self, order: _Order) -> None:
        if order != self._ordered:
            self._ordered = self._newest = order
            self._idle.clear()
            self._orders.put(order)

    def _work(self, order: _Order) -> None:
        self._load(order)
        if order is self._newest:
            self._idle.set()

    def _load(self, order: _Order) -> None:
        # Imported here: it takes seconds, in which the node already answers.
        from automask_ros.detection.prediction import Predictor

        try:
            predictor = Predictor.from_version(
                self._library, order.version, self._device, self._runtime, self._threads or None
            )
        except AutomaskError as error:
            self.problem = f"model version {order.version} does not load: {error}"
            self._ordered = None
            return
        if self._score_threshold >= 0.0:
            thresholds = dict.fromkeys(predictor.labels, self._score_threshold)
            predictor = replace(predictor, thresholds=thresholds)
        for _ in range(_WARM_UP):
            predictor(np.zeros((*self._warm_up_size, 3), np.uint8))
        self._warm_up_size = _BESIDE_ANOTHER
        self.problem = None
        self._on_loaded(
            LiveModel(
                predictor=predictor,
                version=order.version,
                location=str(self._library.models.directory(order.version)),
                database_version=order.database_version,
                least_threshold=min(predictor.thresholds.values(), default=0.0),
            )
        )
