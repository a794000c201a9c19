"""The node `mask_generator`: gives each view in the library that has none its mask."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from sensor_msgs.msg import Image

from automask_ros.drawing import draw_mask
from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.files import described
from automask_ros.library.labels import check_label
from automask_ros.memory import clear_memory_errors
from automask_ros.nodes.backoff import Backoff
from automask_ros.nodes.desk import Desk
from automask_ros.nodes.diagnostics import ERROR, OK, WARN, Diagnostics, Health
from automask_ros.nodes.image_messages import header_of, to_message
from automask_ros.nodes.library_parameter import LIBRARY, open_library
from automask_ros.nodes.mask_progress import MaskProgress
from automask_ros.nodes.mask_settling import SETTLING, ObjectSettling, SettlingConfig
from automask_ros.nodes.mask_stock import MaskStock, take_stock
from automask_ros.nodes.meters import LatencyMeter
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.spin import run_node, start_worker
from automask_ros.nodes.threads import THREADS, limit_threads
from automask_ros.nodes.triggers import create_trigger
from automask_ros.types import Mask, View

if TYPE_CHECKING:
    from automask_ros.segmentation.mask_generator import MaskGenerator


def _check_scope(label: str) -> None:
    if label:
        check_label(label)


_WAITING = "waiting for views"
_VIEW_WAITS = (2.0, 60.0)
"""Seconds after which a view that could not get a mask is tried again: at first, at the longest."""
TABLE = (
    LIBRARY,
    ParameterSpec(
        "label",
        "",
        "Object whose masks ~/regenerate makes anew and ~/veto_last looks at; empty means all",
        read_only=False,
        check=_check_scope,
    ),
    ParameterSpec(
        "fcn",
        "lite",
        "Network of stage one: lite (embedded), or the path of a .safetensors file",
    ),
    ParameterSpec(
        "refiner",
        "",
        "ONNX files ENCODER,DECODER of SAM, MobileSAM or SAM 2 that redraw masks; empty means none",
    ),
    *SETTLING,
    ParameterSpec("device", "auto", "Where the network runs: auto, cpu, cuda, cuda:0, ..."),
    THREADS,
    ParameterSpec(
        "look_period",
        2.0,
        "Seconds between two looks into the library for views that nobody announced",
        minimum=0.1,
        maximum=3600.0,
    ),
)


class MaskGenerationNode(Node):
    """Works through the library's views without a mask, woken by `capture/view` and by a timer.

    Once an object is shown no more, its masks are compared and made better by each other.
    """

    def __init__(self) -> None:
        super().__init__("mask_generator")
        self.failure: BaseException | None = None
        self._settings = Parameters(self, TABLE)
        self._library = open_library(self._settings["library"])
        limit_threads(self._settings["threads"])
        self._settling = ObjectSettling(
            self._library,
            SettlingConfig(**{spec.name: self._settings[spec.name] for spec in SETTLING}),
        )
        self._later: dict[tuple[str, str], Backoff] = {}  # views that could not get a mask
        self._unreadable: dict[tuple[str, str], str] = {}  # and why
        self._backoff = Backoff()
        self._stopped = ""
        self._latency = LatencyMeter()
        self._last = self._trouble = ""
        self._stock = MaskStock()
        self._progress = MaskProgress(self)
        self._activity = "loading the network"
        self._progress.doing(self._activity)
        self._waiting = 0
        self._mask_publisher = self.create_publisher(Image, "~/mask", 10)
        self._overlay_publisher = self.create_publisher(Image, "~/overlay", 10)
        self._wake = threading.Event()
        self._closed = False
        self.create_subscription(Image, "capture/view", self._on_view, 10, raw=True)
        self.create_timer(
            self._settings["look_period"],
            self._wake.set,
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        self._desk = Desk(self, self._library)
        create_trigger(self, "~/regenerate", self.regenerate, self._desk)
        create_trigger(self, "~/veto_last", self.veto_last, self._desk)
        self._diagnostics = Diagnostics(self, self._health)
        self._thread = start_worker(self, self._run, "masks")

    def regenerate(self) -> str:
        """Let the views of `label` (of all, when empty) get new masks; drawn ones stay."""
        views = self._library.views(self._scope())
        automatic = self._library.forget_masks(view for view in views if view.replaceable)
        self._wake.set()
        drawn = sum(view.drawn for view in views)
        stay = f", {drawn} drawn by a person stay" if drawn else ""
        return f"{len(automatic)} masks are made anew{stay}"

    def veto_last(self) -> str:
        """Take the view whose mask was made last out of training; again, the one before it."""
        views = self._library.views(self._scope())
        # What a person drew was never on ~/overlay: it is not what they have just seen and refuse.
        made = [view for view in views if view.verdict and not (view.vetoed or view.drawn)]
        if not made:
            raise AutomaskError("there is no view with a mask that is not vetoed already")
        last = self._library.set_vetoed(max(made, key=lambda view: view.mask_made_at or 0.0), True)
        back = f"automask veto --library {self._library.root} --label {last.label}"
        return (
            f"view {last.id} of {last.label} is out of training; take it back with: "
            f"{back} --view {last.id} --undo"
        )

    def close(self) -> None:
        """Finish the mask in work."""
        self._closed = True
        self._desk.close()
        self._wake.set()
        self._thread.join(2.0)

    def _scope(self) -> str | None:
        return self._settings["label"] or None

    def _on_view(self, _: bytes) -> None:
        self._wake.set()

    def _run(self) -> None:
        # Here and not above: loading takes seconds, in which callbacks must answer.
        from automask_ros.segmentation.mask_generator import MaskGenerator
        from automask_ros.segmentation.prompting import load_refiner

        device = self._settings["device"]
        refiner = load_refiner(self._settings["refiner"], device)
        generator = MaskGenerator(self._settings["fcn"], device, refiner=refiner)
        self._activity = _WAITING
        self._progress.at(_WAITING, self._library.views())
        while not self._closed:
            self._wake.wait()
            self._wake.clear()
            if self._backoff.due:
                self._work(generator)

    def _work(self, generator: MaskGenerator) -> None:
        """Make the masks that are missing, and settle; what the disk hinders is tried again."""
        try:
            self._work_through(generator)
            self._settle(generator)
        except (StorageError, OSError) as error:
            self._backoff.failed()
            if not self._stopped:
                self.get_logger().error(f"not making masks: {described(error)}")
            self._stopped = f"not making masks: {described(error)}"
            self._activity = _WAITING
            self._progress.hindered(self._stopped)
        else:
            self._backoff.succeeded()
            self._stopped = ""

    def _work_through(self, generator: MaskGenerator) -> None:
        views = self._library.views_without_mask()
        waiting = {(view.label, view.id) for view in views}
        self._unreadable = {key: why for key, why in self._unreadable.items() if key in waiting}
        waits = {key: self._later.setdefault(key, Backoff(*_VIEW_WAITS)) for key in waiting}
        due = [view for view in views if waits[view.label, view.id].due]
        if due:
            self._progress.at(f"making {len(due)} masks", self._library.views(), self._unreadable)
        for index, view in enumerate(due):
            if self._closed:
                return
            self._waiting = len(due) - index
            later = waits[view.label, view.id]
            self._activity = f"making the mask of {view.label} {view.id}"
            try:
                with clear_memory_errors():
                    self._make(view, generator)
                later.succeeded()
                self._unreadable.pop((view.label, view.id), None)
            except StorageError:
                raise
            except AutomaskError as error:
                # A view that was undone meanwhile is no trouble; one that cannot be read is.
                if view in self._library.views_without_mask(view.label):
                    self._unreadable[view.label, view.id] = str(error)
                    later.failed()
        self._waiting = 0
        self._activity = _WAITING
        self._take_stock(self._library.views())

    def _settle(self, generator: MaskGenerator) -> None:
        """Compare the masks of the objects that nobody shows any more, and adapt to them."""
        trouble = self._settling.work_through(
            generator,
            interrupted=self._is_needed,
            report=self._on_settling,
            on_mask=self._publish,
        )
        if trouble or self._activity != _WAITING:
            self._trouble, self._activity = trouble, _WAITING
            self._take_stock(self._library.views())

    def _on_settling(self, activity: str) -> None:
        self._activity = activity
        self._progress.doing(activity)

    def _is_needed(self) -> bool:
        """True when a view waits for its mask, or the node for its end."""
        waiting = {(view.label, view.id) for view in self._library.views_without_mask()}
        unfit = {view for view, later in self._later.items() if not later.due}
        if self._closed or waiting - unfit:
            self._wake.set()
            return True
        return False

    def _take_stock(self, views: Sequence[View]) -> None:
        """Tell what lies in the library."""
        self._progress.at(self._activity, views, self._unreadable)
        self._stock = take_stock(views)

    def _make(self, view: View, generator: MaskGenerator) -> None:
        image = self._library.read_image(view)
        started = time.monotonic()
        mask = generator(image)
        self._latency.add(time.monotonic() - started)
        with self._desk.disk.at_work():
            self._library.write_mask(view, mask, fcn=self._settings["fcn"])
        self._trouble = ""
        self._publish(view, image, mask)

    def _publish(self, view: View, image: np.ndarray, mask: Mask) -> None:
        self._last = self._progress.made(view, mask.verdict)
        header = header_of(view.captured_at, view.camera)
        if self._mask_publisher.get_subscription_count():
            self._mask_publisher.publish(to_message(mask.pixels, header))
        if self._overlay_publisher.get_subscription_count():
            overlay = draw_mask(image, mask.pixels, mask.verdict)
            self._overlay_publisher.publish(to_message(overlay, header))

    def _health(self) -> Health:
        counts = self._stock.counts
        health = Health(
            values={
                "fcn": self._settings["fcn"],
                "waiting": self._waiting,
                "last": self._last,
                "latency_p50_ms": self._latency.median_ms(),
                **counts,
            }
        )
        unreadable = next(iter(list(self._unreadable.values())), "")
        health.note(ERROR, self._stopped or self._desk.problem)
        health.note(WARN, self._desk.disk.problem())
        health.note(WARN, unreadable or self._trouble or self._stock.unusable)
        accepted, refused = counts.get("accepted", 0), counts.get("refused", 0)
        often = refused > 5 and refused > accepted
        health.note(
            WARN if often else OK,
            f"{refused} of {refused + accepted} masks refused, look at ~/overlay: {self._last}"
            if often
            else self._activity,
        )
        return health


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; the exit code."""
    return run_node(MaskGenerationNode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
