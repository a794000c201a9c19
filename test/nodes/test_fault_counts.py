"""Bad messages counted by kind, and said once."""

from automask_ros.errors import AutomaskError
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.nodes.fault_counts import FaultCounts, together


def test_each_kind_is_counted_and_logged_once():
    log = []
    counts = FaultCounts("bad frame", log.append)
    assert (counts.total, counts.last, counts.figures()) == (0, "", {})
    for number in range(3):
        counts.add(BadMessage(f"{number} bytes are missing", Fault.SHORT), "/image")
    counts.add(BadMessage("an encoding of no camera", Fault.ENCODING))
    assert counts.total == 4
    assert counts.last == "an encoding of no camera"
    assert counts.figures() == {
        "bad frame: unknown encoding": 1,
        "bad frame: data shorter than its header says": 3,
    }
    assert [line.partition(" (")[0] for line in log] == [
        "/image: 0 bytes are missing",
        "an encoding of no camera",
    ]
    counts.good()
    assert (counts.total, counts.last) == (4, "")


def test_hostile_texts_make_no_kinds_and_no_long_lines():
    log = []
    counts = FaultCounts("bad model", log.append)
    for number in range(1000):
        counts.add(AutomaskError(f"{number} " + "x\n" * 10_000))
    assert counts.figures() == {"bad model: other": 1000}
    assert len(log) == 1 and len(counts.last) == 400 and "\n" not in counts.last


def test_those_of_several_cameras_are_added():
    left, right = (FaultCounts("bad frame", [].append) for _ in range(2))
    left.add(BadMessage("", Fault.STEP))
    right.add(BadMessage("", Fault.STEP))
    right.add(BadMessage("", Fault.TEXT))
    assert together([left, right]) == {
        "bad frame: step less than a row": 2,
        "bad frame: text too long": 1,
    }
