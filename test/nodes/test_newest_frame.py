"""The slot for the newest frame: replaces, counts, closes, and its worker ends a failing node."""

import threading
from types import SimpleNamespace

from automask_ros.nodes.newest_frame import FrameWorker, NewestFrame


class Ended:
    """What a worker touches of a node: its failure and the executor that looks at it."""

    def __init__(self):
        self.failure = None
        self.over = threading.Event()
        self.executor = SimpleNamespace(wake=self.over.set)


def test_a_newer_item_replaces_one_that_waits():
    slot = NewestFrame()
    for item in (1, 2, 3):
        slot.put(item)
    assert slot.take() == {0: 3}
    assert slot.dropped == 2
    slot.put(4)
    assert slot.take() == {0: 4}
    assert slot.dropped == 2


def test_each_source_has_its_newest_item_and_the_oldest_comes_first():
    slot = NewestFrame()
    for source, item in ((0, "left 1"), (1, "right 1"), (0, "left 2")):
        slot.put(item, source)
    taken = slot.take()
    assert list(taken.items()) == [(1, "right 1"), (0, "left 2")]
    assert slot.dropped == 1


def test_one_at_a_time_each_source_has_its_turn_and_the_others_stay_replaceable():
    slot, taken = NewestFrame(), []
    for number in range(6):
        # The right camera is always a little earlier: that must not make it the only one.
        slot.put(f"right {number}", 1)
        slot.put(f"left {number}", 0)
        taken.append(slot.take(together=False))
    assert taken == [
        {1: "right 0"},
        {0: "left 1"},
        {1: "right 2"},
        {0: "left 3"},
        {1: "right 4"},
        {0: "left 5"},
    ]
    assert slot.take(together=False) == {1: "right 5"}
    assert slot.dropped == 5


def test_a_taker_can_be_woken_without_an_item():
    slot = NewestFrame()
    slot.wake()
    assert slot.take() == {}
    slot.put(1)
    assert slot.take() == {0: 1}


def test_clear_is_no_drop_and_close_ends_a_waiting_taker():
    slot = NewestFrame()
    slot.put(1)
    slot.clear()
    taken = []
    taker = threading.Thread(target=lambda: taken.append(slot.take()))
    taker.start()
    slot.close()
    taker.join(5)
    assert taken == [None]
    assert slot.dropped == 0


def test_a_worker_takes_the_newest_while_it_works():
    node, slot, seen = Ended(), NewestFrame(), []
    busy, go_on, done = threading.Event(), threading.Event(), threading.Event()

    def work(item):
        seen.append(item)
        busy.set()
        go_on.wait(5)
        if item == 9:
            done.set()

    worker = FrameWorker(node, slot, work, "test")
    slot.put(0)
    assert busy.wait(5)
    for item in range(1, 10):
        slot.put(item)
    go_on.set()
    assert done.wait(5)
    worker.close()
    assert seen == [0, 9]
    assert slot.dropped == 8
    assert node.failure is None


def test_what_the_work_raises_ends_the_node():
    node, slot = Ended(), NewestFrame()

    def work(item):
        raise ZeroDivisionError(item)

    FrameWorker(node, slot, work, "test")
    slot.put("frame")
    assert node.over.wait(5)
    assert isinstance(node.failure, ZeroDivisionError)
    assert node.failure.args == ("frame",)
