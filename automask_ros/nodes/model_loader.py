"""Loads and warms a model beside the live one, in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from rclpy.node import Node

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.library.library import Library
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.low_priority import at_low_priority
from automask_ros.nodes.live_model import LiveModel
from automask_ros.nodes.newest_frame import FrameWorker, NewestFrame

# The first frames of a network take longer: memory is laid out, kernels are chosen. On a CPU whole
# ones would hold up a model that detects for longer than they save: a small one shows that the new
# one runs.
_WHOLE, _SMALL = (2, (480, 640)), (1, (64, 64))
_LONGEST_PATH = 4096
_LOOK_PERIOD = 0.2  # seconds between two looks whether the node is to end
RETRY_PERIOD = 30.0
"""Seconds after which a model that did not load is tried again: memory may be free by then."""


@dataclass(frozen=True)
class _Order:
    version: int
    database_version: int


class ModelLoader:
    """Loads the versions it is asked for; of several orders that wait, only the newest counts.

    A `score_threshold` below 0 leaves each label the threshold that came with the model; 0
    `threads` take one per core.
    `on_loaded` is called from the loader's thread with a model that was warmed up on a picture.
    A version that cannot be loaded, or does not run, is told in `problem`; what detects goes on, or
    where nothing does, the one that was live before is loaded. Whether the promoted version is lost
    or damaged is told in `lost`.
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
        self._node = node
        self._library = library
        self._device = device
        self._runtime = runtime
        self._score_threshold = score_threshold
        self._threads = threads
        self._on_loaded = on_loaded
        self._ordered: _Order | None = None
        self._seen: int | None = None
        self._failed_at = 0.0
        self._idle = threading.Event()
        self._idle.set()
        self._detecting = False
        # Orders come from the topic's callback and from the look into the library.
        self._ordering = threading.Lock()
        self.problem: str | None = None
        self.lost: str | None = None
        self._orders: NewestFrame[_Order] = NewestFrame()
        self._worker = FrameWorker(node, self._orders, self._work, "model_loader")

    @property
    def loading(self) -> int | None:
        """The version that is being loaded."""
        ordered = self._ordered
        return None if self._idle.is_set() or ordered is None else ordered.version

    def order_current(self) -> None:
        """Order what was promoted in the library since the last look, or else a version that
        failed, after RETRY_PERIOD. AutomaskError when the library cannot be read."""
        models = self._library.models
        seen = models.database_version()  # first: what is promoted meanwhile is seen next time
        if self._detecting and seen != self._seen:
            # What is new is read whole, once, to see whether it is what was written.
            at_low_priority(models.current)
        version = models.current()
        self.lost = models.problem()
        if version is not None and seen != self._seen:
            with self._ordering:
                if models.database_version() == seen:  # else the next look takes what is newer
                    self._seen = seen
                    self._order(_Order(version, seen))
        elif self._ordered is not None and time.monotonic() - self._failed_at >= RETRY_PERIOD:
            with self._ordering:
                self._order(self._ordered)

    def order(self, location: str, database_version: int) -> None:
        """Order the model in the folder `location`; nothing if others were promoted since.

        Raises AutomaskError when that is no version of this library: what a topic names must not
        make this process read files elsewhere.
        """
        models = self._library.models
        folder = _resolved(location)
        known = {models.directory(version).resolve(): version for version in models.versions()}
        if folder not in known:
            raise BadMessage(
                f"model {ascii(location)[:200]} is not in the library {self._library.root}: give "
                "detector and trainer the same library",
                Fault.MODEL,
            )
        with self._ordering:
            if database_version >= models.database_version():
                return self._order(_Order(known[folder], database_version))
        self.order_current()  # a latched message may be older than the library

    def wait(self, patience: float) -> bool:
        """Wait until nothing is being loaded, at most `patience` seconds; whether it is so.

        Whoever waits in the executor's thread would not see that all is to end: it is looked for.
        """
        until = time.monotonic() + patience
        while not self._idle.wait(min(_LOOK_PERIOD, max(0.0, until - time.monotonic()))):
            if time.monotonic() >= until or not self._node.context.ok():
                return False
        return True

    def close(self) -> None:
        """Load nothing more."""
        self._worker.close()

    def _order(self, order: _Order) -> None:
        failed = self._idle.is_set() and self.problem is not None
        if order != self._ordered or failed:
            self._ordered = order
            self._idle.clear()
            self._orders.put(order)

    def _work(self, order: _Order) -> None:
        logger = self._node.get_logger()
        try:
            model = self._load(order)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, the old one goes on
            self._failed_at = time.monotonic()
            self.problem = f"model version {order.version} does not load: {described(error)}"
            logger.error(self.problem)
            if not self._detecting:
                self._fall_back(order)
        else:
            self.problem = None
            self._use(model)
        with self._ordering:
            if order is self._ordered:
                self._idle.set()

    def _use(self, model: LiveModel) -> None:
        self._detecting = True
        name = model.predictor.runtime.name
        self._node.get_logger().info(f"model version {model.version} runs with {name}")
        self._on_loaded(model)

    def _fall_back(self, order: _Order) -> None:
        """Take the newest version that loads of those that were live before: nothing detects."""
        for version in self._candidates():
            if version == order.version:
                continue
            try:
                model = self._load(replace(order, version=version))
            except Exception as error:  # noqa: BLE001 - as above; then the one before it
                self._node.get_logger().error(
                    f"model version {version} does not load: {described(error)}"
                )
                continue
            self.problem = f"{self.problem}; version {version} detects instead"
            self._use(model)
            return

    def _candidates(self) -> Iterator[int]:
        try:
            yield from self._library.models.candidates()
        except (AutomaskError, OSError) as error:  # it is read again after RETRY_PERIOD
            self._node.get_logger().error(f"the library cannot be read: {described(error)}")

    def _load(self, order: _Order) -> LiveModel:
        # Imported here: it takes seconds, in which the node already answers.
        from automask_ros.detection.prediction import Predictor
        from automask_ros.devices import pick_device

        predictor = Predictor.from_version(
            self._library,
            order.version,
            self._device,
            self._runtime,
            self._threads or None,
            gently=self._detecting,
        )
        if self._score_threshold >= 0.0:
            thresholds = dict.fromkeys(predictor.labels, self._score_threshold)
            predictor = replace(predictor, thresholds=thresholds)
        beside_another = self._detecting and pick_device(self._device) == "cpu"
        times, size = _SMALL if beside_another else _WHOLE
        for _ in range(times):
            predictor(np.zeros((*size, 3), np.uint8))
        return LiveModel(
            predictor=predictor,
            version=order.version,
            location=str(self._library.models.directory(order.version)),
            database_version=order.database_version,
            least_threshold=min(predictor.thresholds.values(), default=0.0),
        )


def _resolved(location: str) -> Path | None:
    """Where a path from the network leads; None when it leads nowhere."""
    if len(location) > _LONGEST_PATH:  # resolving one of a million folders takes minutes
        return None
    try:
        return Path(location).resolve()
    except (OSError, RuntimeError, ValueError):  # too long, a circle of links, a NUL
        return None
