"""The process that trains: it reports, it can be ended, and it ends when its parent is gone."""

import logging
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import pytest

from automask_ros.library.library import Library
from automask_ros.nodes.training_process import Failed, Remark, TrainingProcess, _Remarks

PARENT = """
import sys, time
from pathlib import Path
from automask_ros.nodes.training_process import TrainingProcess

if __name__ == "__main__":
    process = TrainingProcess(Path(sys.argv[1]), {}, 1)
    print(process._process.pid, flush=True)
    time.sleep(60)
"""


def events_of(process, seconds=90):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        for event in process.events():
            yield event
            if isinstance(event, Failed):
                return
        time.sleep(0.05)
    raise AssertionError("no last event")


def test_an_error_of_the_user_comes_as_one_line(tmp_path):
    Library(tmp_path, create=True)
    process = TrainingProcess(tmp_path, {}, threads=1)
    (last,) = events_of(process)
    process.finish()
    assert "has no views" in last.message and last.details == ""


def test_a_process_that_is_killed_is_told(tmp_path):
    Library(tmp_path, create=True)
    process = TrainingProcess(tmp_path, {}, threads=1)
    os.kill(process._process.pid, signal.SIGKILL)
    *_, last = events_of(process)
    process.finish()
    assert last.message.startswith("the training process was killed, most likely because memory")


def test_stop_takes_less_than_two_seconds(tmp_path):
    Library(tmp_path, create=True)
    process = TrainingProcess(tmp_path, {}, threads=1)
    started = time.monotonic()
    pid = process._process.pid
    process.stop()
    assert time.monotonic() - started < 2
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_warning_of_the_training_reaches_its_parent():
    ours, its = multiprocessing.get_context("spawn").Pipe()
    logger = logging.getLogger("automask_ros.detection.training")
    handler = _Remarks(its)
    logger.addHandler(handler)
    try:
        logger.warning("GPU memory ran out: batch size %d -> %d", 4, 2)
        logger.info("nothing to tell")
    finally:
        logger.removeHandler(handler)
    assert ours.recv() == Remark("GPU memory ran out: batch size 4 -> 2")
    assert not ours.poll()


def test_it_ends_when_its_parent_is_killed(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    library = tmp_path / "library"
    Library(library, create=True)
    parent = subprocess.Popen(
        [sys.executable, str(script), str(library)], stdout=subprocess.PIPE, text=True
    )
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    until = time.monotonic() + 60
    while running(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not running(child)


def running(pid):
    """Whether a process runs; one that waits to be reaped does not."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
