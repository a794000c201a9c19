"""Memory runs out where something is trained or a mask is made; with --soak again and again.

Made by limits on the address space of a process that runs, by the kernel's own killer in a memory
group where one may be made, and by the signal that it sends.
"""

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from faults.memory_group import MemoryGroup
from faults.taught import teach
from integration.drawn_objects import view
from integration.test_trainer import last, training_processes
from std_srvs.srv import Trigger

REMEDIES = ("batch_size", "image_size")


@pytest.fixture
def library(tmp_path):
    return teach(tmp_path / "library")


FEW_THREADS = {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1", "MALLOC_ARENA_MAX": "1"}
"""On a machine of many cores their stacks alone would take what address space is left."""


def address_space(pid):
    """Bytes of address space that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[0]) * resource.getpagesize()


def limit(pid, more):
    """Let a process have `more` bytes of address space than it has now."""
    least = address_space(pid) + more
    resource.prlimit(pid, resource.RLIMIT_AS, (least, resource.RLIM_INFINITY))


def kill(pid):
    os.kill(pid, signal.SIGKILL)


def kernel(pid):
    """Put a process into a group that has next to no memory; the kernel kills it."""
    with MemoryGroup(pid, 4 << 20) as group:
        until = time.monotonic() + 60
        while group.holds(pid) and time.monotonic() < until:
            time.sleep(0.1)


def starve_of(more):
    return lambda pid: limit(pid, more)


def test_a_training_without_memory_dies_alone(robot, tmp_path, soak):
    library = teach(tmp_path / "library", versions=int(soak))
    robot.listen("trainer/progress", "detector/detections", "detector/vision_info")
    small = {"base_model": "lite", "image_size": 160, "iterations": 20, "clutter": 4}
    common = {"library": library.root, "device": "cpu", "threads": 1}
    robot.start("trainer_node", **small, **common)
    if soak:
        robot.start("detector_node", **common)
        robot.wait_for(lambda: robot.heard["detector/vision_info"], 90, "the detector's model")
    faults = [("look", starve_of(24 << 20))]
    if soak:
        faults += [(stage, kill) for stage in ("start", "composites", "look", "train")]
        faults += [("look", starve_of(more << 20)) for more in (0, 8, 16, 32, 64)]
        faults += [("look", kernel)] * MemoryGroup.possible()
        faults *= 3
    trainer = robot.process("trainer_node").pid
    for stage, fault in faults:
        print(make_fault(robot, trainer, stage, fault))
        if soak:
            robot.answer_to(view("cup", 3)[0], "detector/detections")
    assert robot.alive() == {"trainer_node"} | ({"detector_node"} if soak else set())

    # Nothing is left of those that died, and the next one is as good as ever.
    assert not training_processes(trainer)
    if not soak:
        return gets_as_far(robot)
    versions = library.models.versions()
    assert robot.call("trainer/train").success
    robot.wait_for(lambda: last(robot)[1].get("stage") == "done", 300, "a job with memory")
    assert library.models.versions() == [*versions, versions[-1] + 1]
    assert not list(library.models.root.glob(".staging-*"))
    assert not training_processes(trainer)


def gets_as_far(robot):
    """The next job gets further than the one that died; then it is cancelled."""
    job = robot.call("trainer/train").message.split()[0]
    robot.wait_for(lambda: last(robot)[1].get("job") == job, 30, "the next job")
    robot.wait_for(lambda: int(last(robot)[1].get("step", 0)) >= 5, 120, "five pictures looked at")
    assert robot.call("trainer/cancel").success


def make_fault(robot, trainer, stage, fault):
    """Start a job, let memory run out in one of its stages, and read how it ended; its line."""
    job = robot.call("trainer/train").message.split()[0]

    def reached():
        return last(robot)[1].get("job") == job and last(robot)[1].get("stage") == stage

    robot.wait_for(lambda: reached() and training_processes(trainer), 120, f"{job}: {stage}")
    (training,) = training_processes(trainer)
    assert int(Path(f"/proc/{training}/oom_score_adj").read_text()) >= (stage != "start") * 500
    fault(training)
    robot.wait_for(lambda: last(robot)[1].get("stage") in ("failed", "done"), 240, "its end")
    message, values = last(robot)
    assert values["stage"] == "failed" and values["job"] == job
    assert "memory" in message and all(each in message for each in REMEDIES)
    assert "\n" not in message
    assert not training_processes(trainer)
    robot.wait_for(lambda: robot.message("trainer") == message, 10, "diagnostics")
    assert robot.level("trainer") == b"\x02"
    assert not robot.call("trainer/cancel").success, "services answer"
    return message


def test_one_huge_view_does_not_end_the_mask_generator(robot, library):
    settings = {"device": "cpu", "threads": 1, "look_period": 0.2, "adapt_after": 3600.0}
    robot.environment |= FEW_THREADS
    robot.start("mask_generation_node", library=library.root, **settings)
    robot.meet(Trigger, "mask_generator/regenerate")  # it has mapped what this process sends by
    first = library.add_view("cup", view("cup", 50)[0], captured_at=2000.0, source="drawn")
    robot.wait_for(lambda: library.view("cup", first.id).verdict, 90, "a first mask")
    pid = robot.process("mask_generation_node").pid
    limit(pid, 128 << 20)  # a small view's mask takes some 40 MB
    huge = np.repeat(np.repeat(view("cup", 51)[0], 13, axis=0), 13, axis=1)  # 13 Mpixel
    added = library.add_view("cup", huge, captured_at=2001.0, source="drawn")
    robot.wait_for(lambda: "memory ran out" in told(robot, "mask_generator"), 60, "the line")
    assert library.view("cup", added.id).verdict is None
    second = library.add_view("cup", view("cup", 52)[0], captured_at=2002.0, source="drawn")
    robot.wait_for(lambda: library.view("cup", second.id).verdict, 60, "the next view's mask")
    resource.prlimit(pid, resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    robot.wait_for(lambda: library.view("cup", added.id).verdict, 180, "the huge view's, later")
    assert robot.alive() == {"mask_generation_node"}


def told(robot, node):
    status, _ = robot.status(node)
    return status.message if status else ""


STARVED = """
import resource, sys
from pathlib import Path
import torch
from automask_ros.cli.main import main
from automask_ros.detection import teaching  # what a training needs is loaded before

used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
least = used + (int(sys.argv[1]) << 20)
resource.setrlimit(resource.RLIMIT_AS, (least, least))
sys.exit(main(sys.argv[2:]))
"""


def test_the_command_line_says_it_in_one_line(library):
    command = [sys.executable, "-c", STARVED, "64", "train", "--library", str(library.root)]
    command += ["--device", "cpu", "--image-size", "160"]
    finished = subprocess.run(command, env=os.environ | FEW_THREADS, capture_output=True, text=True)
    assert finished.returncode == 2, finished.stderr
    # Before it there may be words of progress, and OpenCV's of a thread that it could not start.
    lines = finished.stderr.splitlines()
    assert lines[-1].startswith("automask: memory ran out; ")
    assert sum(line.startswith("automask: ") for line in lines) == 1
    assert "Traceback" not in finished.stderr
    assert not list(library.models.root.glob(".staging-*"))
