"""Which of the last messages belongs to a stamp, those to come included."""

import threading
import time

import pytest
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.nodes.recent_messages import RecentMessages


def stamp(milliseconds):
    return Time(sec=1_700_000_000 + milliseconds // 1000, nanosec=milliseconds % 1000 * 1_000_000)


def message(milliseconds):
    return serialize_message(Image(header=Header(stamp=stamp(milliseconds))))


def recent(*moments):
    messages = RecentMessages()
    for moment in moments:
        messages.put(message(moment))
    return messages


@pytest.mark.parametrize(
    ("asked", "nearest"), [(133, 133), (101, 100), (115, 100), (118, 133), (0, 100), (900, 166)]
)
def test_the_nearest_stamp_and_how_far_it_is(asked, nearest):
    seconds, found = recent(100, 133, 166).nearest(stamp(asked), patience=0.0)
    assert found == message(nearest)
    assert seconds == pytest.approx(abs(asked - nearest) / 1000)


def test_nothing_has_come():
    began = time.monotonic()
    assert RecentMessages().nearest(stamp(0), patience=60.0) is None
    assert time.monotonic() - began < 20


def test_old_messages_are_forgotten_but_for_those_that_are_held():
    messages = recent(200)
    in_work, waiting = messages.hold(stamp(230)), messages.hold(stamp(300))
    for moment in (233, *range(266, 866, 33)):
        messages.put(message(moment))
    assert messages.nearest(stamp(230), 0.0)[1] == message(233)
    assert messages.nearest(stamp(300), 0.0)[1] == message(299)
    del in_work
    assert messages.nearest(stamp(230), 0.0)[1] == message(299)
    del waiting
    assert messages.nearest(stamp(230), 0.0)[0] > 0.1


def test_a_nearer_message_that_is_under_way_is_waited_for():
    messages = recent(300)
    answers = []
    asking = threading.Thread(target=lambda: answers.append(messages.nearest(stamp(333), 60.0)))
    asking.start()
    messages.put(message(310))
    asking.join(0.1)
    assert not answers
    messages.put(message(334))
    asking.join(60.0)
    assert answers[0][1] == message(334)


def test_it_is_waited_no_longer_than_patience_and_not_for_a_topic_that_stands_still():
    began = time.monotonic()
    assert recent(300).nearest(stamp(333), 0.2)[1] == message(300)
    assert time.monotonic() - began >= 0.2
    began = time.monotonic()
    assert recent(300).nearest(stamp(2000), 60.0)[1] == message(300)
    assert time.monotonic() - began < 20


def test_a_clock_that_jumps_back():
    messages = recent(5000, 5033)
    messages.put(message(100))
    assert messages.nearest(stamp(100), 0.0) == (0.0, message(100))


def test_after_clearing_there_is_nothing():
    messages = recent(100)
    hold = messages.hold(stamp(100))
    messages.clear()
    assert messages.nearest(stamp(100), 0.0) is None
    messages.put(message(90))
    assert hold.nearest[1] == message(90)


def test_a_message_without_a_stamp_is_refused():
    messages = recent(100)
    with pytest.raises(AutomaskError, match="3 bytes"):
        messages.put(b"abc")
    assert messages.nearest(stamp(100), 0.0)[1] == message(100)
