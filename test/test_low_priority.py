"""Work that gives way to other threads: its own priority is lower, everybody else's as it was."""

import os
import subprocess
import sys
import threading

import pytest

from automask_ros.low_priority import NICENESS, at_low_priority, in_its_own_thread


def priority():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
def test_the_work_alone_has_a_lower_priority():
    usual = priority()
    assert at_low_priority(priority) == min(usual + NICENESS, 19)
    assert in_its_own_thread(priority) == usual
    assert priority() == usual


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
@pytest.mark.parametrize("given", [5, 15])
def test_who_is_started_at_a_low_priority_gets_no_higher_one(given):
    script = (
        "import os, sys\n"
        "from automask_ros.low_priority import at_low_priority\n"
        f"os.nice({given} - os.nice(0))\n"
        "print(at_low_priority(lambda: os.getpriority(os.PRIO_PROCESS, 0)))"
    )
    if os.getpriority(os.PRIO_PROCESS, 0) > given:
        pytest.skip("these tests run at a lower priority themselves")
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert int(done.stdout) == min(given + NICENESS, 19)


def test_nothing_waits_for_it_at_the_end_of_the_process():
    script = (
        "import threading, time\n"
        "from automask_ros.low_priority import at_low_priority\n"
        "begun = threading.Event()\n"
        "hang = lambda: (begun.set(), time.sleep(3600))\n"
        "threading.Thread(target=lambda: at_low_priority(hang), daemon=True).start()\n"
        "begun.wait()"
    )
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


@pytest.mark.parametrize("do", [at_low_priority, in_its_own_thread])
def test_what_it_raises_is_raised(do):
    def fail():
        raise KeyError("cup")

    with pytest.raises(KeyError, match="cup"):
        do(fail)
