"""The system clock is stepped under the nodes, as by a person, or by NTP long after the start."""

import time

import pytest
from faults.stepped_clock import SteppedClock
from integration.drawn_objects import view
from integration.stored_models import store_model
from integration.test_teaching import detect

from automask_ros.library.library import Library

LABEL, VIEWS_A_STEP = "cup", 3
AGE = "transport_p99_ms"
NODES = {"capture_node", "mask_generation_node", "trainer_node", "detector_node"}


@pytest.fixture
def clock(tmp_path):
    try:
        return SteppedClock(tmp_path)
    except OSError as why:
        pytest.skip(f"no clock can be made here to step: {why}")


@pytest.fixture
def stepped(robot, clock, tmp_path):
    """The four nodes by a clock that can be stepped; pictures come by the true one."""
    library = Library(tmp_path / "library", create=True)
    store_model(library, view(LABEL, 0)[0], LABEL)
    robot.environment |= clock.environment
    robot.listen("trainer/progress", "detector/detections", "detector/instances")
    common = {"library": library.root, "device": "cpu", "threads": 1}
    robot.start("capture_node", library=library.root, label=LABEL, views=100, min_novelty=0.01)
    robot.start("mask_generation_node", adapt_after=1.0, **common)
    robot.start("trainer_node", base_model="lite", iterations=40, image_size=160, **common)
    robot.start("detector_node", **common)
    assert robot.call("capture/start").success
    return robot, library


def show_until(robot, library, count, seeds):
    """Show new sides of the object until so many views are there, each with its mask."""

    def enough():
        robot.show(view(LABEL, next(seeds))[0])
        robot.spin(0.2)
        return len(library.views(LABEL)) >= count

    robot.wait_for(enough, 60, f"{count} views")
    robot.wait_for(lambda: not library.views_without_mask(), 60, "their masks")


def test_steps_while_everything_runs(stepped, clock, soak):
    robot, library = stepped
    seeds = iter(range(10_000))
    hours = (0, 1, -1, 48, 0, -24 * 365, 0.01, -0.01, 0) if soak else (0, 1, -24)
    begun = time.time()
    for number, hour in enumerate(hours, start=1):
        clock.set(3600 * hour)
        # Answers bear the picture's own stamp: `detect` waits for just that.
        detect(robot, view(LABEL, next(seeds))[0])
        show_until(robot, library, number * VIEWS_A_STEP, seeds)
        figure = robot.wait_for(lambda: robot.status("detector")[1].get(AGE), 30, AGE)
        assert 0 <= float(figure) < 60_000
        assert robot.call("capture/undo").success
    views = library.views(LABEL)
    assert len(views) >= len(hours) * (VIEWS_A_STEP - 1)
    assert len({view.id for view in views}) == len(views)
    # Pictures are dated by the camera, whose clock nobody touched.
    assert all(begun - 1 <= view.captured_at <= time.time() for view in views)
    assert robot.alive() == NODES


@pytest.mark.soak("trains for a minute")
def test_a_step_while_a_training_runs(stepped, clock):
    robot, library = stepped
    seeds = iter(range(10_000))
    show_until(robot, library, 8, seeds)
    answer = robot.call("trainer/train")
    assert answer.success, answer.message

    def last():
        status = robot.heard["trainer/progress"][-1]
        return {value.key: value.value for value in status.values}

    robot.wait_for(lambda: last().get("step"), 120, "the first steps of the training")
    clock.set(-3600)
    robot.wait_for(lambda: last()["stage"] in ("done", "failed", "cancelled"), 300, "its end")
    assert last()["stage"] == "done", robot.heard["trainer/progress"][-1].message
    for status in robot.heard["trainer/progress"]:
        left = {value.key: value.value for value in status.values}.get("seconds_left")
        assert left in (None, "", "None") or 0 <= float(left) < 600
    # Live however the clock stands: the newest promotion counts, not the one with the latest date.
    version = int(last()["version"])
    assert library.models.record(version).created_at < time.time() - 3000
    if last()["promoted"] == "True":
        assert library.models.current() == version
    assert robot.alive() == NODES
