"""Work that gives way to other threads: its own priority is lower, everybody else's as it was."""

import os
import sys
import threading

import pytest

from automask_ros.low_priority import at_low_priority, in_its_own_thread


def priority():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
def test_the_work_alone_has_a_lower_priority():
    usual = priority()
    assert at_low_priority(priority) == usual + 10
    assert in_its_own_thread(priority) == usual
    assert priority() == usual


@pytest.mark.parametrize("do", [at_low_priority, in_its_own_thread])
def test_what_it_raises_is_raised(do):
    def fail():
        raise KeyError("cup")

    with pytest.raises(KeyError, match="cup"):
        do(fail)
