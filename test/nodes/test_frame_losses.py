"""What a subscription did not get: lost on the way, or pushed out of its own queue."""

from types import SimpleNamespace

from automask_ros.nodes.frame_losses import LossMeter


def lost(count):
    return SimpleNamespace(total_count_change=count)


def test_gaps_in_the_numbers_are_overruns_unless_the_frames_were_lost_on_the_way():
    meter = LossMeter(alone=lambda: True)
    for number in (7, 8, 11):
        meter.on_frame(number)
    assert (meter.lost, meter.overrun, meter.share()) == (0, 2, 0.0)
    meter.on_lost(lost(2))
    assert (meter.lost, meter.overrun, meter.share()) == (2, 0, 0.4)
    meter.on_lost(lost(2**31 - 1))  # of Fast DDS, and no count
    assert (meter.lost, meter.share()) == (2, 0.4)


def test_a_camera_that_starts_anew_and_two_cameras_are_no_gaps():
    meter = LossMeter(alone=lambda: True)
    for number in (100, 1, 2):
        meter.on_frame(number)
    assert meter.overrun == 0
    meter = LossMeter(alone=lambda: False)
    for number in (1, 500, 2, 501):
        meter.on_frame(number)
    assert meter.overrun == 0


def test_without_numbers_overruns_are_not_known():
    meter = LossMeter(alone=lambda: True)
    meter.on_frame(None)
    assert (meter.lost, meter.overrun) == (0, None)


def test_what_is_missed_on_joining_is_not_starvation():
    meter = LossMeter(alone=lambda: True)
    meter.on_frame(1)
    meter.on_lost(lost(2))
    assert not meter.starving()
    meter.on_lost(lost(1))
    assert meter.starving()
    for number in range(4, 100):
        meter.on_frame(number)
    assert not meter.starving(), "3 of 100"
