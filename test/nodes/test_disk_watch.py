"""A disk that keeps a node's threads waiting is told, and for how long to wait after a failure."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from automask_ros.nodes import backoff as backoff_module
from automask_ros.nodes import disk_watch
from automask_ros.nodes.backoff import Backoff
from automask_ros.nodes.disk_watch import DiskWatch


@pytest.fixture
def clock(monkeypatch):
    """The time of both modules; it stands still until a test moves `now`."""
    clock = SimpleNamespace(now=100.0)
    clock.monotonic = lambda: clock.now
    for module in (disk_watch, backoff_module):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_a_disk_that_hangs_is_told_while_it_does_and_for_a_while_after(clock):
    watch = DiskWatch(Path("/library"))
    with watch.at_work():
        assert watch.problem() is None
        clock.now += 3.0
        assert watch.problem().startswith("the disk of /library took 3 s for one thing; see what")
    assert watch.problem() is not None
    clock.now += 9.0
    assert watch.problem().startswith("the disk of /library took 3 s")
    clock.now += 2.0
    assert watch.problem() is None


def test_the_wait_doubles_up_to_the_longest_and_begins_anew_after_a_success(clock):
    backoff = Backoff(first=10.0, longest=15.0)
    assert backoff.due
    backoff.failed()
    assert not backoff.due
    clock.now += 11.0
    assert backoff.due
    backoff.failed()
    clock.now += 11.0
    assert not backoff.due, "the second wait is longer"
    clock.now += 5.0
    assert backoff.due, "but no longer than the longest"
    backoff.succeeded()
    assert backoff.due
