"""The trainer's queue over its services: ids, progress, cancelling, and going on after a kill."""

import signal
import time
from pathlib import Path

import pytest
from integration.drawn_objects import view
from std_srvs.srv import Trigger

from automask_ros.library.library import Library
from automask_ros.nodes.auto_train import QUIET
from automask_ros.types import Mask, Verdict

BASE_MODEL = "lite"


@pytest.fixture
def library(tmp_path):
    """A library with eight views of a cup and their true masks."""
    library = Library(tmp_path / "library", create=True)
    for seed in range(8):
        image, mask = view("cup", seed)
        added = library.add_view("cup", image, captured_at=1000.0 + seed, source="drawn")
        library.write_mask(added, Mask(mask, Verdict(True, 1.0)), fcn="drawn")
    return library


def last(robot):
    """The last progress: its message, and its values as a dict."""
    heard = robot.heard["trainer/progress"]
    return (heard[-1].message, {v.key: v.value for v in heard[-1].values}) if heard else ("", {})


def training_processes(trainer):
    """Children of a process that were spawned to run code of ours."""
    tasks = Path(f"/proc/{trainer}/task").glob("*/children")
    found = {int(child) for children in tasks for child in children.read_text().split()}
    return {pid for pid in found if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()}


def start(robot, library, **parameters):
    robot.start(
        "trainer_node",
        library=library.root,
        base_model=BASE_MODEL,
        device="cpu",
        image_size=160,
        threads=1,
        **parameters,
    )


def test_an_empty_library_and_an_empty_queue(robot, tmp_path):
    robot.start("trainer_node", library=tmp_path / "library")
    answer = robot.call("trainer/train")
    assert not answer.success and answer.message.startswith("no views in ")
    answer = robot.call("trainer/cancel")
    assert not answer.success and answer.message == "no job to cancel"
    answer = robot.call("trainer/rollback")
    assert not answer.success and "no earlier promoted model" in answer.message


def test_queue_progress_cancel_and_resume(robot, library):
    robot.listen("trainer/progress")
    start(robot, library, iterations=100_000)
    assert robot.call("trainer/train").message == "job-0001 queued"
    assert robot.call("trainer/train").message == "job-0002 queued, 1 before it"
    robot.wait_for(lambda: "seconds_left" in last(robot)[1], 240, "an estimate")
    message, values = last(robot)
    assert (values["job"], values["stage"], values["total"]) == ("job-0001", "look", "110000")
    assert float(values["seconds_left"]) > 0
    assert message.startswith("training: ")
    assert message.endswith(f" s left (look {values['step']} of 110000)")

    trainer = robot.process("trainer_node").pid
    (training,) = training_processes(trainer)
    robot.meet(Trigger, "trainer/cancel")
    started = time.monotonic()
    answer = robot.call("trainer/cancel")
    assert time.monotonic() - started < 2
    assert answer.success and answer.message == "job-0001 cancelled"
    assert training not in training_processes(trainer), "the training process is gone"
    cancelled = [
        {v.key: v.value for v in heard.values} for heard in robot.heard["trainer/progress"]
    ]
    end = {"job": "job-0001", "stage": "cancelled", "promoted": "False", "min_views": "6"}
    assert end in cancelled

    # The next job runs by itself; killed with its trainer, it is taken up by the next one.
    robot.wait_for(lambda: int(last(robot)[1].get("step", 0)) >= 1, 240, "job 2")
    assert last(robot)[1]["job"] == "job-0002"
    assert robot.stop("trainer_node", signal.SIGKILL) == -signal.SIGKILL
    robot.spin(1.0)  # its last words, that they are not taken for those of the next one
    robot.heard["trainer/progress"].clear()
    start(robot, library, iterations=100_000)
    robot.wait_for(lambda: int(last(robot)[1].get("step", 0)) >= 1, 240, "job 2 again")
    assert last(robot)[1]["job"] == "job-0002"
    (training,) = robot.wait_for(
        lambda: training_processes(robot.process("trainer_node").pid), 10, "its process"
    )
    assert robot.stop("trainer_node", signal.SIGTERM) == 0
    assert not Path(f"/proc/{training}").exists(), "the training ends with its trainer"


def test_a_job_that_cannot_be_done_says_why_and_the_trainer_goes_on(robot, library):
    robot.listen("trainer/progress")
    start(robot, library, min_views=50)
    assert robot.call("trainer/train").success
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "the failure")
    assert last(robot)[0].startswith("cup has 8 accepted masks of 8 views and needs 50")
    assert robot.heard["trainer/progress"][-1].level == b"\x02"
    assert robot.alive() == {"trainer_node"}
    # Parameters may change between jobs, and a wrong base model is a failure of the job alone.
    assert robot.set_parameter("trainer", "min_views", 6).successful
    assert robot.set_parameter("trainer", "base_model", "/no/such.safetensors").successful
    assert robot.call("trainer/train").message == "job-0002 queued"
    robot.wait_for(lambda: last(robot)[1].get("job") == "job-0002", 60, "job 2")
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "its failure")
    assert "/no/such.safetensors" in last(robot)[0]


def test_a_job_waits_for_masks_that_are_being_made(robot, library):
    image, _ = view("cup", 50)
    waiting = library.add_view("cup", image, captured_at=2000.0, source="drawn")
    robot.listen("trainer/progress")
    start(robot, library, iterations=1, min_views=50)
    assert robot.call("trainer/train").success
    robot.wait_for(lambda: "waiting for the masks of 1 views" in last(robot)[0], 30, "the waiting")
    robot.spin(1.0)
    assert last(robot)[1]["stage"] == "masks"
    library.write_mask(waiting, Mask(view("cup", 50)[1], Verdict(True, 1.0)), fcn="drawn")
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "the job after it")
    assert "9 accepted masks of 9 views" in last(robot)[0]


def test_a_job_does_not_wait_for_ever(robot, library):
    library.add_view("cup", view("cup", 50)[0], captured_at=2000.0, source="drawn")
    robot.listen("trainer/progress")
    start(robot, library, min_views=50, mask_patience=2.0)
    asked = time.monotonic()
    assert robot.call("trainer/train").success
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "the job after all")
    assert time.monotonic() - asked > 2.0
    assert "8 accepted masks of 9 views" in last(robot)[0]


def test_a_job_waits_for_masks_to_be_compared_where_someone_does(robot, library, tmp_path):
    own = Library(tmp_path / "own", create=True)
    robot.listen("trainer/progress")
    start(robot, own, min_views=50)
    settings = {"device": "cpu", "threads": 1, "look_period": 0.2, "adapt_after": 20.0}
    robot.start("mask_generation_node", library=own.root, **settings)
    for name in ("trainer", "mask_generator"):
        robot.wait_for(lambda name=name: robot.status(name)[0], 60, name)
    robot.meet(Trigger, "trainer/train")
    robot.spin(3.0)  # in which the trainer finds the mask generator
    views = library.views()
    for each in views:
        image, mask = library.read_image(each), library.read_mask(each)
        # View and mask in one step: the mask generator makes those that are missing.
        own.add_view(
            "cup",
            image,
            captured_at=each.captured_at,
            source="drawn",
            mask=Mask(mask, Verdict(True, 1.0)),
            made_by="drawn",
        )
    assert all(each.unsettled for each in own.views())
    assert robot.call("trainer/train").success
    words = f"waiting for mask_generator to compare {len(views)} masks with each other"
    robot.wait_for(lambda: last(robot)[0] == words, 60, "the waiting")
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "the job after it")
    assert not any(each.unsettled for each in own.views())


def test_training_starts_by_itself_once_enough_is_new(robot, library):
    robot.listen("trainer/progress")
    start(robot, library, min_views=50, auto_train=8)
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "a job that nobody asked")
    assert last(robot)[1]["job"] == "job-0001"
    assert "8 accepted masks of 8 views" in last(robot)[0]
    # What a training has seen is not new, and seven more masks are too few.
    for seed in range(50, 57):
        image, mask = view("cup", seed)
        added = library.add_view("cup", image, captured_at=1000.0 + seed, source="drawn")
        library.write_mask(added, Mask(mask, Verdict(True, 1.0)), fcn="drawn")
    robot.spin(QUIET + 2.0)
    assert last(robot)[1]["job"] == "job-0001"
    image, mask = view("cup", 57)
    added = library.add_view("cup", image, captured_at=1057.0, source="drawn")
    library.write_mask(added, Mask(mask, Verdict(True, 1.0)), fcn="drawn")
    robot.wait_for(lambda: last(robot)[1].get("job") == "job-0002", 60, "the next job")
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 180, "its end")
    assert "16 accepted masks of 16 views" in last(robot)[0]
