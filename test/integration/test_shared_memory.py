"""A node that is killed leaves its shared memory; the next of our nodes gives it back."""

import re
import signal
from pathlib import Path


def segments(process):
    """The Fast DDS segments that a process has mapped and made itself."""
    maps = Path(f"/proc/{process.pid}/maps").read_text()
    mapped = {Path(path) for path in re.findall(r"/dev/shm/fast(?:rtps|dds)_[0-9a-f]{16}\b", maps)}
    locked = {entry.resolve() for entry in Path(f"/proc/{process.pid}/fd").iterdir()}
    return {path for path in mapped if path.with_name(f"{path.name}_el") in locked}


def test_the_segment_of_a_killed_node_is_removed_by_the_next_one(robot, tmp_path):
    robot.start("trainer_node", library=tmp_path / "library")
    robot.wait_for(lambda: robot.status("trainer")[0], 60, "the trainer")
    (segment,) = segments(robot.process("trainer_node"))
    assert segment.stat().st_size > 64 << 20, "the profile's segment is in use"
    assert robot.stop("trainer_node", signal.SIGKILL) == -signal.SIGKILL

    robot.start("capture_node", library=tmp_path / "library")
    robot.wait_for(lambda: robot.status("capture")[0], 60, "capture")
    (own,) = segments(robot.process("capture_node"))
    assert not segment.exists() and own.exists()
    assert robot.stop("capture_node") == 0
    assert not own.exists()
