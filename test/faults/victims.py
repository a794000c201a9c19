"""Processes that are killed again and again: when each is struck, and how it starts."""

import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

TRAINING_STAGES = ("composites", "look", "train", "evaluate", "export", "compare", "promote")


class Victim(ABC):
    """A process that is struck `quota` times, most often while it is at its work.

    `at_work` tells whether it is, since it was started; then it lives for up to `last` seconds.
    """

    quota: int
    last: float
    share_at_start = 0.3
    """Of the kills, those within the first three seconds."""

    def __init__(self, name: str, random) -> None:
        self.name, self._random = name, random
        self.kills = self.kills_at_work = 0
        self._due: float | None = None
        self._early = False

    @property
    def over(self) -> bool:
        """Whether it was killed often enough."""
        return self.kills >= self.quota

    def begin(self) -> None:
        """Start it, and decide when it is to die."""
        self.start()
        self._early = self.kills > 0 and self._random.random() < self.share_at_start
        self._due = time.monotonic() + self._random.uniform(0.0, 3.0) if self._early else None

    def is_due(self) -> bool:
        """Whether it is to die now."""
        if self._due is None and self.at_work():
            self._due = time.monotonic() + self._random.uniform(0.0, self.last)
        return not self.over and self._due is not None and time.monotonic() >= self._due

    def strike(self) -> None:
        """Kill it with SIGKILL."""
        process = self.process()
        process.send_signal(signal.SIGKILL)
        # One that waits for a busy disk dies when that has answered.
        assert process.wait(60) == -signal.SIGKILL, f"{self.name} ended by itself"
        self.kills += 1
        self.kills_at_work += not self._early

    @abstractmethod
    def start(self) -> None:
        """Start the process."""

    @abstractmethod
    def at_work(self) -> bool:
        """Whether it works, since it was started."""

    @abstractmethod
    def process(self) -> subprocess.Popen:
        """The process that runs."""


class NodeVictim(Victim):
    """A node, at work once `topic` has brought a message since it was started."""

    def __init__(self, name, random, robot, topic: str, quota: int, last: float, **parameters):
        super().__init__(name, random)
        self.quota, self.last = quota, last
        self._robot, self._topic, self._parameters = robot, topic, parameters
        self._heard = 0
        robot.listen(topic)

    def start(self) -> None:
        self._heard = len(self._robot.heard[self._topic])
        self._robot.start(self.name, **self._parameters)

    def at_work(self) -> bool:
        return len(self._robot.heard[self._topic]) > self._heard

    def process(self) -> subprocess.Popen:
        return self._robot.process(self.name)


class CaptureVictim(NodeVictim):
    """`capture`, which shows another object after each few kills."""

    def start(self) -> None:
        self._parameters["label"] = f"shown_{self.kills // 4}"
        super().start()


class TrainerVictim(NodeVictim):
    """`trainer`, struck in a stage of its training drawn by lot; its training dies with it."""

    def __init__(self, random, robot, root: Path, quota: int, stages=TRAINING_STAGES, **parameters):
        super().__init__(
            "trainer_node", random, robot, "trainer/progress", quota, 1.0, **parameters
        )
        self._root, self._stages, self._stage = root, stages, ""
        self.resumed = 0

    def start(self) -> None:
        self._stage = self._random.choice(self._stages)
        super().start()

    def stages(self) -> list[str]:
        """The stages that were told since it was started."""
        heard = self._robot.heard[self._topic][self._heard :]
        return [{v.key: v.value for v in each.values}.get("stage", "") for each in heard]

    def at_work(self) -> bool:
        return self._stage in self.stages()

    def strike(self) -> None:
        children = _children(self.process().pid)
        super().strike()
        until = time.monotonic() + 10
        while any(_runs(child) for child in children):
            assert time.monotonic() < until, "the training outlives its trainer"
            time.sleep(0.05)
        self.resumed += any(
            '"state": "running"' in path.read_text()
            for path in (self._root / "jobs").glob("*.json")
        )


class CommandVictim(Victim):
    """A command of the command line, at work once it has written into the library.

    `line` gives its arguments, `places` the pattern of the folders that it writes into, for its
    number. The next number's turn is when it has ended by itself, and after some kills.
    """

    kills_each = 8

    def __init__(
        self,
        name: str,
        random,
        root: Path,
        quota: int,
        last: float,
        line: Callable[[int], list[str]],
        places: str,
    ) -> None:
        super().__init__(name, random)
        self.quota, self.last = quota, last
        self._root, self._line, self._places = root, line, places
        self._log = root.with_name(f"{name}.log")
        self._process: subprocess.Popen | None = None
        self._started = 0.0
        self._number = 0

    def start(self) -> None:
        arguments = [sys.executable, "-m", "automask_ros.cli.main", *self._line(self._number)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(arguments, stdout=log, stderr=log, env=environment)
        self._started = time.time()

    def at_work(self) -> bool:
        places = self._root.glob(self._places.format(self._number))
        return any(place.stat().st_mtime > self._started for place in places)

    def is_due(self) -> bool:
        if self._process is not None and self._process.poll() is not None and not self.over:
            self.finish()
            self._number += 1
            self.begin()
        return super().is_due()

    def strike(self) -> None:
        super().strike()
        self._number += self.kills % self.kills_each == 0

    def complete(self) -> None:
        """Let it end, then run to their end all those that were killed."""
        self.finish()
        for number in range(self._number):
            self._number = number
            self.start()
            self.finish()

    def finish(self) -> None:
        """Wait for it to end by itself, as it must."""
        assert self.process().wait(300) == 0, self._log.read_text()

    def process(self) -> subprocess.Popen:
        assert self._process is not None
        return self._process


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:
        return []


def _runs(pid: int) -> bool:
    """Whether a process lives; one whose end only nobody has asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
