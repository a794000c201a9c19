"""Which of Fast DDS's files in shared memory are removed."""

import fcntl

from automask_ros.nodes.shared_memory import remove_abandoned_segments

DEAD, ALIVE, BEGINNING = (f"fastrtps_{letter * 16}" for letter in "abc")


def test_only_what_nobody_holds_is_removed(tmp_path):
    for name in (DEAD, ALIVE, BEGINNING, "fastrtps_port7411", "sem.fastrtps_port7411_mutex"):
        (tmp_path / name).write_bytes(b"1234")
    for name in (DEAD, ALIVE, "fastrtps_port7411"):
        (tmp_path / f"{name}_el").touch()
    before = {path.name for path in tmp_path.iterdir()}
    with (tmp_path / f"{ALIVE}_el").open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert remove_abandoned_segments(tmp_path) == 4
    assert {path.name for path in tmp_path.iterdir()} == before - {DEAD, f"{DEAD}_el"}
    assert remove_abandoned_segments(tmp_path / "missing") == 0
