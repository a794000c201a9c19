"""Health, meters: what the diagnostics are made of."""

from types import SimpleNamespace

from automask_ros.nodes import meters
from automask_ros.nodes.diagnostics import ERROR, OK, WARN, Health, key_values
from automask_ros.nodes.meters import LatencyMeter, RateMeter


def test_the_worst_message_stands_and_of_equals_the_first():
    health = Health()
    health.note(OK, "fine")
    health.note(WARN, None)
    assert (health.level, health.message) == (OK, "fine")
    health.note(WARN, "slow")
    health.note(WARN, "also slow")
    health.note(OK, "fine")
    assert (health.level, health.message) == (WARN, "slow")
    health.note(ERROR, "broken")
    assert (health.level, health.message) == (ERROR, "broken")


def test_values_become_text():
    pairs = key_values({"rate": 1 / 3, "count": 2, "none": None, "flag": True})
    assert {pair.key: pair.value for pair in pairs} == {
        "rate": "0.333",
        "count": "2",
        "flag": "True",
    }


def test_the_rate_is_that_of_the_window(monkeypatch):
    now = 100.0
    monkeypatch.setattr(meters, "time", SimpleNamespace(monotonic=lambda: now))
    meter = RateMeter(window=0.25)
    assert meter.rate() == 0
    now += 0.5
    for _ in range(4):
        meter.tick()
    assert (meter.count(), meter.rate()) == (4, 16.0)
    meter.tick(6)
    assert (meter.count(), meter.rate()) == (10, 40.0)
    now += 0.5
    assert (meter.count(), meter.rate()) == (0, 0.0)


def test_the_median_latency():
    meter = LatencyMeter(count=3)
    assert meter.median_ms() is None
    for seconds in (9.0, 0.001, 0.003, 0.002):
        meter.add(seconds)
    assert meter.median_ms() == 2.0
