"""A queue that gives every frame, up to a number of them and of bytes."""

import threading

from automask_ros.nodes.frame_queue import FrameQueue


def taken(queue, count):
    return [queue.take()[0] for _ in range(count)]


def test_every_frame_comes_in_its_order():
    queue = FrameQueue()
    frames = [bytes([number]) * 5 for number in range(250)]
    for frame in frames:
        queue.put(frame)
    assert len(queue) == 250
    assert taken(queue, 250) == frames
    assert (len(queue), queue.dropped) == (0, 0)


def test_the_oldest_make_room_when_there_are_too_many():
    queue = FrameQueue(most_frames=3)
    for frame in (b"a", b"b", b"c", b"d", b"e"):
        queue.put(frame)
    assert taken(queue, 3) == [b"c", b"d", b"e"]
    assert queue.dropped == 2


def test_the_oldest_make_room_when_they_are_too_large_but_one_always_has_room():
    queue = FrameQueue(most_bytes=10)
    for frame in (b"aaaa", b"bbbb", b"cc", b"ddd"):
        queue.put(frame)
    assert taken(queue, 3) == [b"bbbb", b"cc", b"ddd"]
    assert queue.dropped == 1
    queue.put(b"x" * 11)
    assert taken(queue, 1) == [b"x" * 11]
    queue.put(b"y" * 11)
    queue.put(b"z")
    assert taken(queue, 1) == [b"z"]
    assert queue.dropped == 2


def test_clear_is_no_drop_and_gives_the_room_back():
    queue = FrameQueue(most_bytes=10)
    queue.put(b"a" * 9)
    queue.clear()
    queue.put(b"b" * 5)
    queue.put(b"c" * 5)
    assert taken(queue, 2) == [b"b" * 5, b"c" * 5]
    assert queue.dropped == 0


def test_close_ends_a_waiting_taker():
    queue, ended = FrameQueue(), []
    taker = threading.Thread(target=lambda: ended.append(queue.take()))
    taker.start()
    queue.close()
    taker.join(5)
    assert ended == [None]
