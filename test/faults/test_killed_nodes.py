"""Real nodes and commands, killed with SIGKILL while they work on one library, and started again.

Capture shows drawn pictures, their masks are made, `automask add` brings photographs, jobs and
`automask train` teach models, and the detector answers all the while. What was acknowledged is
looked for after each kill.
"""

import os
import random
import time
from collections import Counter

import cv2
import pytest
from faults.ledger import Ledger
from faults.victims import (
    TRAINING_STAGES,
    CaptureVictim,
    CommandVictim,
    NodeVictim,
    TrainerVictim,
)
from faults.whole_library import assert_readable
from filelock import FileLock
from integration.drawn_objects import view
from integration.stored_models import store_model
from integration.test_teaching import detect

from automask_ros.detection.prediction import Predictor
from automask_ros.library.library import Library
from automask_ros.nodes.job_store import DONE
from automask_ros.types import Mask, Verdict

FEW = {"capture": 2, "masks": 1, "trainer": 1, "detector": 1, "add": 1, "train": 0}
MANY = {"capture": 150, "masks": 50, "trainer": 20, "detector": 22, "add": 50, "train": 8}
FEW_STAGES, MANY_STAGES = ("composites",), TRAINING_STAGES
FIRST_STAMP, FIRST_PHOTOGRAPH = 1_700_000_000.25, 1_600_000_000
TRAINING = {"labels": "cup", "iterations": 2, "image_size": 160, "min_ap50": 0.0, "tolerance": 1.0}
PHOTOGRAPHS = 4


@pytest.fixture
def library(tmp_path):
    """Six views of a cup with their true masks, and a model that is live."""
    library = Library(tmp_path / "library", create=True)
    for seed in range(6):
        image, mask = view("cup", seed)
        added = library.add_view("cup", image, captured_at=1000.0 + seed, source="drawn")
        library.write_mask(added, Mask(mask, Verdict(True, 1.0)), fcn="drawn")
    store_model(library, view("cup", 0)[0])
    return library


class Storm:
    """The processes at work, and what strikes them."""

    def __init__(self, robot, library: Library, folder, quotas: dict[str, int], seed: int) -> None:
        self._robot, self._library, self._folder = robot, library, folder
        lot = random.Random(seed)
        root = library.root
        common = {"library": root, "device": "cpu", "threads": 1}
        robot.listen("detector/instances", "detector/vision_info")
        self.ledger = Ledger(robot, library)
        stages = FEW_STAGES if quotas is FEW else MANY_STAGES
        self.trainer = TrainerVictim(
            lot, robot, root, quotas["trainer"], stages,
            base_model="lite", mask_patience=0.0, **TRAINING, **common,
        )  # fmt: skip
        self.add = CommandVictim(
            "automask add", lot, root, quotas["add"], 1.5, self._add_line, "objects/photo_{}/*"
        )
        self.train = CommandVictim(
            "automask train", lot, root, quotas["train"], 9.0, self._train_line, "models/.staging-*"
        )
        self._capture = CaptureVictim(
            "capture_node", lot, robot, "capture/view", quotas["capture"], 1.5,
            library=root, views=10000, min_novelty=0.01, auto_start=True,
        )  # fmt: skip
        self._masks = NodeVictim(
            "mask_generation_node", lot, robot, "mask_generator/mask", quotas["masks"], 1.5,
            adapt=False, adapt_after=0.5, look_period=0.2, **common,
        )  # fmt: skip
        detector = NodeVictim(
            "detector_node", lot, robot, "detector/detections", quotas["detector"], 2.0, **common
        )
        commands = [each for each in (self.add, self.train) if each.quota]
        self.victims = [self._capture, self._masks, detector, self.trainer, *commands]
        self.shown, self._next_picture, self.jobs = 0, 0.0, []

    def rage(self, victims, seconds: float) -> None:
        """Strike each victim as often as it is to be, or as often as `seconds` allow, and look at
        what is left."""
        for victim in victims:
            victim.begin()
        if self.trainer in victims:
            self.queue_job()
        until = time.monotonic() + seconds
        while time.monotonic() < until and not all(victim.over for victim in victims):
            self._show()
            self._robot.spin(0.02)
            for victim in victims:
                if victim.is_due():
                    victim.strike()
                    self._look_at_what_is_left(victim)
                    victim.begin()
            if self.trainer.stages()[-1:] == [DONE] and not self.trainer.over:
                self.queue_job()

    def queue_job(self) -> None:
        """Order a training; the trainer's answer is a promise."""
        answer = self._robot.call("trainer/train", 120.0)
        assert answer.success, answer.message
        self.jobs.append(answer.message.split()[0])

    def settle(self) -> None:
        """Let what was begun be finished: commands, masks, jobs, the model in the detector."""
        if self.train.quota:
            self.train.finish()
        self.add.complete()
        wait = self._robot.wait_for
        wait(lambda: not self._library.views_without_mask(), 120, "the masks")
        wait(lambda: self._states()[DONE] == sum(self._states().values()), 400, "the jobs")
        models = self._library.models
        live = str(models.directory(models.current()))
        infos = self._robot.heard["detector/vision_info"]
        wait(lambda: infos and infos[-1].database_location == live, 90, "the newest model")
        detect(self._robot, view("cup", 1)[0])

    def _states(self) -> Counter:
        jobs = (self._library.root / "jobs").glob("job-*.json")
        return Counter("done" if '"done"' in path.read_text() else "open" for path in jobs)

    def _show(self) -> None:
        if time.monotonic() >= self._next_picture:
            # A picture again is no new view, but the detector answers it too.
            enough = self._capture.over and self._masks.over
            picture = view("ball", 0 if enough else self.shown)[0]
            self._robot.show(picture, FIRST_STAMP + self.shown)
            self.shown += 1
            self._next_picture = time.monotonic() + 0.4

    def _look_at_what_is_left(self, victim) -> None:
        if victim is self.trainer:
            FileLock(self._library.root / "jobs" / ".lock", timeout=0).acquire().lock.release()
        for lock in self._library.root.glob("objects/*/.lock"):
            FileLock(lock, timeout=10).acquire().lock.release()
        self.ledger.look()
        models = self._library.models
        assert models.record(models.current()).labels == {"cup": 1}

    def _add_line(self, number: int) -> list[str]:
        photos = self._folder / f"photos_{number}"
        if not photos.exists():
            photos.mkdir()
            for seed in range(10 * number, 10 * number + PHOTOGRAPHS):
                path = photos / f"photo_{seed}.png"
                cv2.imwrite(str(path), view("cup", 9000 + seed)[0])
                # Some file systems give files that are written at once the same time.
                os.utime(path, (FIRST_PHOTOGRAPH + seed,) * 2)
        root = str(self._library.root)
        return ["add", "--library", root, "--label", f"photo_{number}", "--device", "cpu",
                "--no-adapt", str(photos)]  # fmt: skip

    def _train_line(self, _: int) -> list[str]:
        settings = [f"--{name.replace('_', '-')}={value}" for name, value in TRAINING.items()]
        return ["train", "--library", str(self._library.root), "--device", "cpu", *settings]


@pytest.mark.soak("takes minutes; test_fault_points.py kills in the suite")
def test_kills_at_any_instant(robot, library, tmp_path, soak, pytestconfig):
    storm = Storm(robot, library, tmp_path, MANY if soak else FEW, seed=7)
    training = [each for each in storm.victims if each in (storm.trainer, storm.train)]
    showing = [each for each in storm.victims if each not in training]
    # Few at a time, so that they come to their work; what was killed first goes on beside the rest.
    for victims in (showing, training) if soak else (storm.victims,):
        storm.rage(victims, 720)
    assert all(each.over if not soak else each.kills_at_work for each in storm.victims)
    storm.settle()
    storm.ledger.audit()
    assert_readable(library.root)
    assert_photographs(library, tmp_path)
    jobs = {path.stem for path in (library.root / "jobs").glob("job-*.json")}
    assert jobs >= set(storm.jobs)
    Predictor.from_version(library, device="cpu")(view("cup", 0)[0])
    assert "another trainer works on" not in robot.log("trainer_node")
    assert storm.trainer.resumed > 0
    kills = ", ".join(f"{v.name} {v.kills} ({v.kills_at_work} at work)" for v in storm.victims)
    pytestconfig.get_terminal_writer().line(
        f"\nkills: {kills}; acknowledged: {len(storm.ledger.views)} views, "
        f"{len(storm.ledger.masks)} masks ({len(storm.ledger.made_anew)} made anew), "
        f"{len(jobs)} jobs, {len(library.models.versions())} models; lost: 0; "
        f"jobs resumed: {storm.trainer.resumed} times"
    )


def assert_photographs(library, folder):
    """Each photograph that `automask add` took is a view, once, to the pixel, with a mask."""
    labels = [label for label in library.labels() if label.startswith("photo_")]
    assert labels
    for label in labels:
        photographs = sorted((folder / label.replace("photo", "photos")).iterdir())
        views = library.views(label)
        assert sorted(each.id for each in views) == [path.stem for path in photographs]
        for each in views:
            path = folder / label.replace("photo", "photos") / f"{each.id}.png"
            assert (library.read_image(each) == cv2.imread(str(path))).all()
            assert library.read_mask(each) is not None
