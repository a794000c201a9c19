"""The node `trainer`: a queue of training jobs, one at a time, each in a process of its own."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from rclpy.node import Node
from vision_msgs.msg import VisionInfo

from automask_ros.errors import AutomaskError
from automask_ros.library.files import described
from automask_ros.nodes import job_store
from automask_ros.nodes.auto_train import AUTO_TRAIN, AutoTrain
from automask_ros.nodes.desk import Desk
from automask_ros.nodes.diagnostics import ERROR, OK, WARN, Diagnostics, Health
from automask_ros.nodes.job_store import Job, JobStore
from automask_ros.nodes.library_parameter import LIBRARY, open_library
from automask_ros.nodes.model_messages import to_vision_info
from automask_ros.nodes.parameters import Parameters, ParameterSpec
from automask_ros.nodes.progress_topic import ProgressTopic
from automask_ros.nodes.qos import latched
from automask_ros.nodes.spin import run_node
from automask_ros.nodes.threads import THREADS
from automask_ros.nodes.train_parameters import TRAIN_TABLE, train_settings
from automask_ros.nodes.training_process import (
    Event,
    Failed,
    Remark,
    Trained,
    TrainingProcess,
)
from automask_ros.nodes.triggers import create_trigger
from automask_ros.types import Progress

POLL_PERIOD = 0.1
"""Seconds between two looks at the training process."""
MASKS_PERIOD = 1.0
"""Seconds between two looks at the masks that a job waits for."""
MODEL_PERIOD = 1.0
"""Seconds between two looks for a promotion that another process made."""

TABLE = (
    LIBRARY,
    *TRAIN_TABLE,
    THREADS,
    AUTO_TRAIN,
    ParameterSpec(
        "mask_patience",
        120.0,
        "Seconds for which a job waits for the next mask of views that have none yet, and, where a "
        "mask_generator runs, for masks to be compared with each other",
        minimum=0.0,
        maximum=3600.0,
        read_only=False,
    ),
)


class TrainerNode(Node):
    """Trains what the library holds, promotes what is good enough, and says which model is live.

    Everything but the diagnostics happens at its desk: a timer reads what the process reports.
    """

    def __init__(self) -> None:
        super().__init__("trainer")
        self.failure: BaseException | None = None
        self._settings = Parameters(self, TABLE)
        self._library = open_library(self._settings["library"])
        self._jobs = JobStore(self._library.root)
        self._queue = self._jobs.unfinished()
        self._auto_train = AutoTrain(self._library)
        self._awaited, self._awaited_since, self._looked_at = "", 0.0, 0.0
        self._announced = 0
        self._live: tuple[int | None, int] = (None, 0)
        self._known = ""
        self._lost: str | None = None
        self._process: TrainingProcess | None = None
        self._progress = ProgressTopic(self)
        self._word: tuple[bytes, str, Mapping[str, object]] = (OK, "waiting for ~/train", {})
        self._model = self.create_publisher(VisionInfo, "~/model", latched())
        self._announce()
        self._desk = Desk(self, self._library)
        create_trigger(self, "~/train", self.train, self._desk)
        create_trigger(self, "~/cancel", self.cancel, self._desk)
        create_trigger(self, "~/rollback", self.rollback, self._desk)
        self._desk.every(POLL_PERIOD, self._poll)
        self._desk.every(MODEL_PERIOD, self._announce)
        self._desk.every(MASKS_PERIOD, self._train_by_itself)
        self._desk.every(MODEL_PERIOD, self._jobs.write_down)
        self._diagnostics = Diagnostics(self, self._health)
        if self._queue:
            self.get_logger().info(f"taking up {', '.join(job.id for job in self._queue)}")

    def train(self) -> str:
        """Queue a job; the answer begins with its id."""
        if not self._library.views():
            raise AutomaskError(
                f"no views in {self._library.root}: show an object first (~/start of capture)"
            )
        job = self._jobs.add()
        self._queue.append(job)
        ahead = len(self._queue) - 1
        return f"{job.id} queued" + (f", {ahead} before it" if ahead else "")

    def cancel(self) -> str:
        """End the running job, or drop the one that would be next."""
        if not self._queue:
            raise AutomaskError("no job to cancel")
        job = self._queue[0]
        if self._process is not None:
            self._take_events()  # it may have ended since they were last read
            if self._process is None:
                raise AutomaskError(f"{job.id} has just ended: {self._progress.status.message}")
            self._process.stop()
        self._end(job_store.CANCELLED, "cancelled")
        return f"{job.id} cancelled"

    def rollback(self) -> str:
        """Go back to the model that was live before."""
        version = self._library.models.rollback()
        self._announce()
        return f"model version {version} is live again"

    def close(self) -> None:
        """End the training; the job stays unfinished and is taken up at the next start."""
        self._desk.close()
        if self._process is not None:
            self._process.stop()
        self._jobs.close()

    def _poll(self) -> None:
        if self._process is not None:
            self._take_events()
        elif self._queue and not self._waits_for_masks():
            self._auto_train.begin()
            job = self._queue[0] = self._jobs.update(self._queue[0], state=job_store.RUNNING)
            self._tell(OK, "training begins", {"job": job.id, "stage": "start"})
            self._begin()

    def _begin(self) -> None:
        try:
            self._process = TrainingProcess(
                self._library.root, train_settings(self._settings), self._settings["threads"]
            )
        except OSError as error:  # no memory for a process, or too many of them
            self._fail(Failed(f"the training process cannot be started: {described(error)}"))

    def _take_events(self) -> None:
        if self._process is not None:
            for event in self._process.events():
                self._take(event)

    def _train_by_itself(self) -> None:
        least = self._settings["auto_train"]
        if least and not self._queue and (new := self._auto_train.due(least)):
            self.get_logger().info(f"{new} new masks: {self.train()}")

    def _waits_for_masks(self) -> bool:
        """Whether the job in front waits for masks, and has the patience to."""
        now = time.monotonic()
        if self._awaited and now - self._looked_at < MASKS_PERIOD:
            return True
        self._looked_at = now
        message = self._masks_to_come()
        if message != self._awaited:
            self._awaited, self._awaited_since = message, now
        if not message:
            return False
        if now - self._awaited_since > self._settings["mask_patience"]:
            self.get_logger().warning(f"{message}: mask_patience is over, training begins")
            self._awaited = ""
            return False
        if self._progress.status.message != message:
            self._tell(OK, message, {"job": self._queue[0].id, "stage": "masks"})
        return True

    def _masks_to_come(self) -> str:
        """What the job in front waits for, in words; empty when for nothing."""
        views = self._library.views()
        without = len(self._library.awaited_masks(views))
        if without:
            return f"waiting for the masks of {without} views (is mask_generator running?)"
        unsettled = sum(view.unsettled and not self._library.image_fault(view) for view in views)
        # It makes them better, and takes the time of the processors meanwhile.
        if unsettled and self._mask_generator_runs():
            return f"waiting for mask_generator to compare {unsettled} masks with each other"
        return ""

    def _mask_generator_runs(self) -> bool:
        beside = self.get_node_names_and_namespaces()
        return ("mask_generator", self.get_namespace()) in beside

    def _take(self, event: Event) -> None:
        if isinstance(event, Progress):
            # Its 'done' comes before the result, which says more: that one is published.
            if event.stage != job_store.DONE:
                self._tell(OK, _words(event), _figures(self._queue[0], event))
            return
        if isinstance(event, Remark):
            self.get_logger().warning(event.message)
            return
        if self._process is not None:
            self._process.finish()
        if isinstance(event, Trained):
            self._end(job_store.DONE, event.reason, event)
        else:
            self._fail(event)

    def _fail(self, event: Failed) -> None:
        if event.details:
            self.get_logger().error(event.details)
        self._end(job_store.FAILED, event.message)

    def _end(self, state: str, message: str, trained: Trained | None = None) -> None:
        """Write down the end of the job in front, and tell it."""
        version = trained.version if trained else None
        self._process = None
        self._awaited = ""
        job = self._jobs.update(self._queue.pop(0), state=state, message=message, version=version)
        level = {job_store.DONE: OK, job_store.CANCELLED: WARN}.get(state, ERROR)
        values: dict[str, object] = {"job": job.id, "stage": state, "promoted": False}
        values.update(_results(trained) if trained else {})
        self._word = level, message, values
        self._announce()
        self.get_logger().info(f"{job.id} {state}" + (f": {message}" if message != state else ""))

    def _tell(self, level: bytes, message: str, values: Mapping[str, object]) -> None:
        """Say on ~/progress what happens, and with it what is live and how much is asked for."""
        self._word = level, message, values
        version, _ = self._live
        live = {} if version is None else {"live": version, "known": self._known}
        self._progress.tell(
            level, message, {**values, **live, "min_views": self._settings["min_views"]}
        )

    def _announce(self) -> None:
        """Tell which model is live, once for each promotion, whoever promoted it."""
        models = self._library.models
        database_version, version = models.database_version(), models.current()
        if version is not None and (version, database_version) != self._live:
            self._known = ", ".join(sorted(models.record(version).labels))
        self._live, self._lost = (version, database_version), models.problem()
        self._tell(*self._word)
        if version is None or database_version == self._announced:
            return
        self._announced = database_version
        location = str(models.directory(version))
        stamp = self.get_clock().now().to_msg()
        self._model.publish(to_vision_info("mask_rcnn", location, database_version, stamp))

    def _health(self) -> Health:
        version, database_version = self._live
        health = Health(
            values={
                "queue": len(self._queue),
                "model": version,
                "database_version": database_version,
            }
        )
        health.note(ERROR, self._desk.problem or self._jobs.trouble or self._lost)
        health.note(WARN, self._desk.disk.problem())
        health.note(self._progress.status.level, self._progress.status.message)
        return health


def _words(progress: Progress) -> str:
    step = f"{progress.stage} {progress.step} of {progress.total}"
    left = progress.seconds_left
    return f"training: {step}" if left is None else f"training: {left:.0f} s left ({step})"


def _results(trained: Trained) -> dict[str, object]:
    """What became of a training: the version, and each object's AP on its held-out views."""
    precisions = {f"AP {label}": value for label, value in trained.average_precision.items()}
    return {"version": trained.version, "promoted": trained.promoted, **precisions}


def _figures(job: Job, progress: Progress) -> dict[str, object]:
    return {
        "job": job.id,
        "stage": progress.stage,
        "step": progress.step,
        "total": progress.total,
        "loss": progress.loss,
        "seconds_left": progress.seconds_left,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the node; the exit code."""
    return run_node(TrainerNode, arguments)


if __name__ == "__main__":
    raise SystemExit(main())
