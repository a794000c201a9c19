"""The node `teach`: tells the person who shows an object what the system wants, at every moment."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import PurePosixPath

from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.client import Client
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.task import Future
from std_srvs.srv import Trigger
from vision_msgs.msg import VisionInfo

from automask_ros.errors import AutomaskError
from automask_ros.nodes.diagnostics import OK, WARN, Diagnostics, Health
from automask_ros.nodes.fault_counts import FaultCounts
from automask_ros.nodes.guidance import Guidance, Tone
from automask_ros.nodes.image_subscription import IMAGE_TRANSPORT
from automask_ros.nodes.model_messages import read_vision_info
from automask_ros.nodes.narrator import Narrator, command, commands, line_of
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.progress_topic import ProgressTopic
from automask_ros.nodes.qos import latched
from automask_ros.nodes.serialized_messages import read_message
from automask_ros.nodes.spin import run_node
from automask_ros.nodes.teach_preview import TeachPreview
from automask_ros.nodes.teaching_session import NODES, Commands, TeachingSession

LOOK_PERIOD = 0.2
"""Seconds between two looks at what to say: as fast as a person reads."""
_VISION_INFO = "detector/vision_info"
_MOST_DIGITS = 9
"""Of a version: Python refuses to make numbers of thousands."""

TABLE = (
    ParameterSpec(
        "train",
        True,
        "Order training once all views of an object are there and their masks are compared",
    ),
    IMAGE_TRANSPORT,
    ParameterSpec(
        "preview_rate",
        10.0,
        "Pictures a second on ~/preview, at most",
        minimum=0.5,
        maximum=60.0,
    ),
)


class TeachNode(Node):
    """Hears the progress of the other nodes and tells it as one session: on the console, on
    ~/guidance, on /diagnostics and, below the camera's picture, on ~/preview."""

    def __init__(self) -> None:
        super().__init__("teach")
        self.failure: BaseException | None = None
        self._settings = Parameters(self, TABLE)
        namespace = self.get_namespace()
        start, train = (command(what, namespace) for what in ("begin, or go on", "train"))
        self._session = TeachingSession(
            Commands(start, train), time.monotonic(), trains=self._settings["train"]
        )
        self._narrator = Narrator(self._say)
        self._told = Guidance(Tone.WAIT, "starting")
        self._guidance = ProgressTopic(self, "~/guidance")
        self._bad_words = FaultCounts("bad progress", self.get_logger().warning)
        for node in NODES:
            self._hear(node)
        self.create_subscription(
            VisionInfo, _VISION_INFO, self._on_vision_info, latched(), raw=True
        )
        self._train: Client = self.create_client(Trigger, "trainer/train")
        self._preview = TeachPreview(
            self,
            self._settings["image_transport"],
            self._settings["preview_rate"],
            lambda: self._told,
        )
        self.create_timer(LOOK_PERIOD, self._look, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self._diagnostics = Diagnostics(self, self._health)
        self.get_logger().info(
            "\n".join(["what you can do, in another terminal:", *commands(namespace)])
        )

    def close(self) -> None:
        """Finish the picture in work."""
        self._preview.close()

    def _hear(self, node: str) -> None:
        hear: Callable[[bytes], None] = partial(self._on_progress, node)
        self.create_subscription(DiagnosticStatus, f"{node}/progress", hear, latched(), raw=True)

    def _on_progress(self, node: str, serialized: bytes) -> None:
        try:
            status: DiagnosticStatus = read_message(serialized, DiagnosticStatus)
        except AutomaskError as error:
            self._bad_words.add(error)
            return
        self._bad_words.good()
        values = {each.key: each.value for each in status.values}
        troubled = status.level != OK
        self._session.tell(node, status.message, values, troubled, time.monotonic())

    def _on_vision_info(self, serialized: bytes) -> None:
        try:
            message = read_vision_info(serialized)
        except AutomaskError as error:
            self._bad_words.add(error)
            return
        if (version := version_of(message.database_location)) is not None:
            self._session.training.runs(version)

    def _look(self) -> None:
        now = time.monotonic()
        for node in NODES:
            self._session.present(node, self._publishes(f"{node}/progress"), now)
        if self._publishes(_VISION_INFO):
            self._session.training.runs(0)
        else:
            self._session.training.is_gone()
        if self._session.training_due and self._train.service_is_ready():
            self._session.training_ordered(now)
            self._train.call_async(Trigger.Request()).add_done_callback(self._on_ordered)
        told = self._told = self._session.guidance(now)
        self._narrator.tell(told, now)
        values = {
            "tone": told.tone.word,
            "label": self._session.label,
            "detail": told.detail,
            "share": told.share,
        }
        level = WARN if told.tone is Tone.TROUBLE else OK
        self._guidance.tell(level, told.text, values)

    def _publishes(self, topic: str) -> bool:
        return bool(self.count_publishers(self.resolve_topic_name(topic)))

    def _on_ordered(self, answer: Future) -> None:
        response = answer.result()
        if response is not None and not response.success:
            self._session.training.answered(response.message)
            self.get_logger().error(f"training was not ordered: {response.message}")

    def _say(self, tone: Tone, line: str) -> None:
        logger = self.get_logger()
        # Two calls: rclpy ties the level to the place in the code.
        if tone is Tone.TROUBLE:
            logger.warning(line)
        else:
            logger.info(line)

    def _health(self) -> Health:
        told = self._told
        health = Health(
            values={
                "label": self._session.label,
                "tone": told.tone.word,
                "listeners": self._preview.listeners,
                **self._preview.bad_frames.figures(),
                **self._bad_words.figures(),
            }
        )
        health.note(WARN if told.tone is Tone.TROUBLE else OK, line_of(told))
        health.note(WARN, self._preview.bad_frames.last)
        health.note(WARN, self._bad_words.last)
        return health


def version_of(location: str) -> int | None:
    """The version whose folder a detector names; another's detector says nothing about one."""
    name = PurePosixPath(location).name
    return int(name) if name.isdecimal() and len(name) <= _MOST_DIGITS else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; the exit code."""
    return run_node(TeachNode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
