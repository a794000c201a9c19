"""The node `detector`: a lifecycle node that detects with the promoted model of the library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.lifecycle import LifecycleNode, LifecycleState, TransitionCallbackReturn
from rclpy.subscription import Subscription
from vision_msgs.msg import VisionInfo

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.nodes.camera_stream import StreamConfig, StreamTopics, declare_qos
from automask_ros.nodes.depth_subscription import DEPTH_TOLERANCE
from automask_ros.nodes.desk import Desk
from automask_ros.nodes.detection_pipeline import DetectionPipeline
from automask_ros.nodes.diagnostics import ERROR, OK, WARN, Diagnostics, Health
from automask_ros.nodes.fault_counts import FaultCounts
from automask_ros.nodes.image_subscription import IMAGE_TRANSPORT
from automask_ros.nodes.library_parameter import LIBRARY, open_library
from automask_ros.nodes.model_loader import ModelLoader
from automask_ros.nodes.model_messages import read_vision_info
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.possible_transitions import refuse_impossible_transitions
from automask_ros.nodes.qos import latched
from automask_ros.nodes.spin import run_node
from automask_ros.nodes.threads import THREADS, limit_threads

LOOK_PERIOD = 2.0
"""Seconds between two looks into the library for what others promoted."""
READY_PERIOD = 0.05
"""Seconds between two looks whether the model is loaded and warm, so that the node may activate."""
LONGEST_LOADING = 120.0
"""Seconds for which activation waits for the model at most."""


def _check_topics(topics: Sequence[str]) -> None:
    if not topics or not all(topics) or len(set(topics)) < len(topics):
        raise AutomaskError("must be a list of one topic or more, each once")


TABLE = (
    LIBRARY,
    ParameterSpec(
        "image_topics",
        ("image",),
        "Cameras: what each of several shows is published below the name of its topic",
        check=_check_topics,
    ),
    ParameterSpec(
        "depth_topics",
        ("",),
        "Depth of each camera in image_topics; empty: depth, of several cameras TOPIC/depth",
    ),
    IMAGE_TRANSPORT,
    ParameterSpec("device", "auto", "Where the network runs: auto, cpu, cuda, cuda:0, ..."),
    ParameterSpec(
        "runtime",
        "auto",
        "What runs the network; auto takes ONNX where the model has a graph for the device",
        choices=("auto", "torch", "onnx"),
    ),
    ParameterSpec(
        "score_threshold",
        -1.0,
        "Least score of a detection, for every label; -1: the thresholds chosen with the model",
        minimum=-1.0,
        maximum=1.0,
    ),
    ParameterSpec(
        "track_memory",
        1.0,
        "Seconds for which an object that is not seen keeps its id (Detection2D.id); 0: no ids",
        minimum=0.0,
        maximum=60.0,
    ),
    DEPTH_TOLERANCE,
    THREADS,
    ParameterSpec(
        "autostart",
        True,
        "Configure and activate at start; false leaves both to a lifecycle manager",
    ),
)


Transition = Callable[["DetectorNode", LifecycleState], TransitionCallbackReturn]


def _told(transition: Transition) -> Transition:
    """A transition whose errors are logged: rclpy goes to `on_error` without a word."""

    @wraps(transition)
    def wrapped(self: DetectorNode, state: LifecycleState) -> TransitionCallbackReturn:
        try:
            return transition(self, state)
        except Exception as error:
            self.problem = f"{transition.__name__} failed: {described(error)}"
            self.get_logger().error(self.problem)
            raise

    return wrapped


class DetectorNode(LifecycleNode):
    """Detects in the newest frame; changes the model between two frames, keeping its topics."""

    def __init__(self) -> None:
        super().__init__("detector")
        self.failure: BaseException | None = None
        self._settings = Parameters(self, TABLE)
        self._cameras = StreamTopics.of(
            self, self._settings["image_topics"], self._settings["depth_topics"]
        )
        for camera in self._cameras:
            declare_qos(self, camera, self._settings["image_transport"])
        limit_threads(self._settings["threads"])
        self._pipeline: DetectionPipeline | None = None
        self._loader: ModelLoader | None = None
        self._models: Subscription | None = None
        self._bad_models = FaultCounts("bad model", self.get_logger().warning)
        self.problem: str | None = None
        """Why the node is not as it should be, in one line."""
        self._desk: Desk | None = None
        refuse_impossible_transitions(self)
        self._diagnostics = Diagnostics(self, self._health)
        if self._settings["autostart"]:
            self._start()

    @_told
    def on_configure(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Open the library, begin to load its model, and subscribe."""
        try:
            library = open_library(self._settings["library"])
        except AutomaskError as error:
            self.problem = str(error)
            self.get_logger().error(self.problem)
            return TransitionCallbackReturn.FAILURE
        self.problem = None
        config = StreamConfig(
            self._settings["image_transport"],
            self._settings["track_memory"],
            self._settings["depth_tolerance"],
        )
        self._pipeline = DetectionPipeline(self, self._cameras, config)
        self._loader = ModelLoader(
            self,
            library,
            self._settings["device"],
            self._settings["runtime"],
            self._settings["score_threshold"],
            self._settings["threads"],
            self._pipeline.use,
        )
        self._models = self.create_subscription(
            VisionInfo, "model", self._on_model, latched(), raw=True
        )
        with suppress(AutomaskError, OSError):  # the desk's next look tells it
            self._look()
        self._desk = Desk(self, library)
        self._desk.every(LOOK_PERIOD, self._look)
        return super().on_configure(state)

    @_told
    def on_activate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Work on frames from here on, with a model that is warm if the library holds one."""
        if self._loader is not None and not self._loader.wait(LONGEST_LOADING):
            if not self.context.ok():
                return TransitionCallbackReturn.FAILURE
            self.get_logger().warning("active before its model is loaded: that takes too long")
        result = super().on_activate(state)
        if self._pipeline is not None:
            self._pipeline.activate()
        return result

    @_told
    def on_deactivate(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Work on no frame; the model and the subscriptions stay."""
        if self._pipeline is not None:
            self._pipeline.pause()
        return super().on_deactivate(state)

    @_told
    def on_cleanup(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back the model and all topics."""
        result = super().on_cleanup(state)
        self.close()
        return result

    @_told
    def on_shutdown(self, state: LifecycleState) -> TransitionCallbackReturn:
        """As clean-up, from any state."""
        result = super().on_shutdown(state)
        self.close()
        return result

    def on_error(self, state: LifecycleState) -> TransitionCallbackReturn:
        """Give back what a transition that failed has left; the node is unconfigured then."""
        self.close()
        return TransitionCallbackReturn.SUCCESS

    def close(self) -> None:
        """End the threads, leave the topics."""
        if self._desk is not None:
            self._desk.close()
        if self._loader is not None:
            self._loader.close()
        if self._pipeline is not None:
            self._pipeline.close()
        if self._models is not None:
            self.destroy_subscription(self._models)
        self._loader = self._pipeline = self._models = self._desk = None

    def _start(self) -> None:
        """Configure, and activate once the model is warm: until then services answer."""
        if self.trigger_configure() != TransitionCallbackReturn.SUCCESS:
            raise AutomaskError(self.problem or "the detector did not start: see its log")
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self._ready = self.create_timer(READY_PERIOD, self._activate_when_ready, clock=steady)
        self._activate_when_ready()

    def _activate_when_ready(self) -> None:
        if self._loader is None or self._loader.wait(0.0):
            self._ready.cancel()
            if self._loader is not None and self._pipeline and not self._pipeline.active:
                self.trigger_activate()

    def _on_model(self, serialized: bytes) -> None:
        if self._loader is None:
            return
        try:
            message = read_vision_info(serialized)
            self._loader.order(message.database_location, message.database_version)
        except AutomaskError as error:
            self._bad_models.add(error)
        except OSError as error:
            self.problem = str(error)
        else:
            self.problem = None
            self._bad_models.good()

    def _look(self) -> None:
        """Take the model that a command promoted, with no trainer there to announce it."""
        if (loader := self._loader) is not None:
            loader.order_current()

    def _without_pipeline(self) -> str:
        if self._state_machine.current_state[1] == "finalized":
            return "shut down: start the process again"
        return "unconfigured: waiting for a lifecycle manager"

    def _health(self) -> Health:
        pipeline, loader, desk = self._pipeline, self._loader, self._desk
        if pipeline is None or loader is None or desk is None:
            return Health(WARN, self.problem or self._without_pipeline())
        model = pipeline.model
        health = Health(
            values={
                **pipeline.figures(),
                **self._bad_models.figures(),
                "model": model.version if model else None,
                "runtime": model.predictor.runtime.name if model else None,
            }
        )
        if pipeline.failure:
            health.note(ERROR, f"frames cannot be worked on: {pipeline.failure}")
        library = (desk.problem, desk.disk.problem(), loader.lost)
        for problem in (loader.problem, self.problem, self._bad_models.last, *library):
            health.note(WARN, problem)
        if model is None and loader.loading is not None:
            health.note(WARN, f"loading model version {loader.loading}")
        elif model is None:
            root = self._settings["library"]
            health.note(
                WARN, f"no model in {root} yet: waiting for a first one (teach an object, ~/train)"
            )
        for problem in pipeline.problems():
            health.note(WARN, problem)
        health.note(OK, "detecting" if pipeline.active else "inactive: waiting to be activated")
        return health


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; the exit code."""
    return run_node(DetectorNode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
