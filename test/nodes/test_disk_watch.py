"""A disk that keeps a node's threads waiting is told, and for how long to wait after a failure."""

import time
from pathlib import Path

from automask_ros.nodes import disk_watch
from automask_ros.nodes.backoff import Backoff
from automask_ros.nodes.disk_watch import DiskWatch


def test_a_disk_that_hangs_is_told_while_it_does_and_for_a_while_after(monkeypatch):
    monkeypatch.setattr(disk_watch, "SLOW", 0.2)
    monkeypatch.setattr(disk_watch, "_TOLD_FOR", 0.3)
    watch = DiskWatch(Path("/library"))
    with watch.at_work():
        assert watch.problem() is None
        time.sleep(0.25)
        assert watch.problem().startswith("the disk of /library took 0 s for one thing; see what")
    assert watch.problem() is not None
    time.sleep(0.35)
    assert watch.problem() is None


def test_the_wait_doubles_up_to_the_longest_and_begins_anew_after_a_success():
    backoff = Backoff(first=0.1, longest=0.15)
    assert backoff.due
    backoff.failed()
    assert not backoff.due
    time.sleep(0.11)
    assert backoff.due
    backoff.failed()
    time.sleep(0.11)
    assert not backoff.due, "the second wait is longer"
    time.sleep(0.05)
    assert backoff.due
    backoff.succeeded()
    assert backoff.due
