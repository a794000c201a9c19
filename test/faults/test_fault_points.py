"""What writes a library, killed with SIGKILL before, within and after each of its writes.

After each kill the library is opened anew: it must hold what it held after the last acknowledged
step, or after the one that was in work, to the last pixel, and nothing in between.
"""

import os
import shutil
from functools import partial
from itertools import count
from pathlib import Path

import pytest
from faults import operations
from faults.fault_order import assert_durable
from faults.launcher import Launcher
from faults.whole_library import assert_readable, assert_unlocked, contents, temporaries

from automask_ros.library.library import Library
from automask_ros.nodes.job_store import JobStore

STEPS = [
    (operations.empty, operations.add_views),
    (operations.views, operations.write_masks),
    (operations.masked, operations.replace_masks),
    (operations.masked, operations.judge_masks),
    (operations.masked, operations.draw_masks),
    (operations.drawn, operations.draw_masks),
    (operations.masked, operations.forget_masks),
    (operations.masked, operations.veto),
    (operations.masked, operations.remove_views),
    (operations.photos, operations.add_photos),
    (operations.masked, operations.train),
    (operations.trained, operations.roll_back),
    (operations.empty, operations.queue_jobs),
    (operations.old, operations.migrate),
    (operations.travelled, operations.bring_in),
    (operations.masked, operations.take_out),
    (operations.another, operations.fetch),
]
COMMANDS = [
    (operations.masked, "veto --label mug --view a"),
    (operations.trained, "rollback --json HERE/figures.json"),
    (operations.travelled, "import --images HERE/coco/images HERE/coco/annotations.json"),
    (operations.drawn, "export --output HERE/coco --overwrite"),
    (operations.drawn, "export --output HERE/yolo --overwrite --format yolo-seg --val 0.5"),
]
SHARE = 23
"""Without --soak each so many-th point is visited: a prime, so that no kind of call is left out."""


@pytest.fixture(scope="module")
def launcher(tmp_path_factory):
    commands = [f"automask_ros.cli.{name}" for name in ("veto", "rollback", "import_", "export")]
    log = tmp_path_factory.mktemp("launcher") / "log"
    launcher = Launcher(log, "faults.operations", *commands)
    yield launcher
    launcher.close()


def copied(folder: Path, target: Path) -> Path:
    """The library in a copy of `folder`."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target, symlinks=True)
    return target / "library"


def begun(tmp_path: Path, prepare) -> Path:
    """A folder in which a library has been prepared."""
    folder = tmp_path / "start"
    folder.mkdir()
    prepare(folder / "library")
    return folder


def states_of(root: Path, operation) -> list[dict]:
    """What the library holds before the operation and after each of its steps."""
    states = [contents(root)]
    operation(root, lambda: states.append(contents(root)))
    return states


def kills(launcher, start: Path, operation, soak: bool, tell):
    """Kill the operation at one point after the other; yields each library and its run."""
    deadly = made = 0
    for deadly in count(1, 1 if soak else SHARE):
        root = copied(start, start.with_name("killed"))
        run = launcher.run(operation, root, deadly)
        if not run.killed:
            break
        made += 1
        yield root, run
    assert made > 0
    if soak:
        tell(f"killed at each of its {made} fault points; lost: 0")


def assert_clean(root: Path) -> None:
    """What the killed left is no obstacle, and is gone an hour later."""
    assert_readable(root.parent)
    assert_unlocked(root)
    for path in temporaries(root):
        os.utime(path, (1.0, 1.0), follow_symlinks=False)
    with Library(root).models.stage():
        pass
    JobStore(root).close()
    assert temporaries(root) == []


@pytest.mark.parametrize(
    ("prepare", "operation"),
    STEPS,
    ids=[f"{step.__name__}-{state.__name__}" for state, step in STEPS],
)
def test_an_operation_killed_at_its_writes(launcher, tmp_path, soak, tell, prepare, operation):
    start = begun(tmp_path, prepare)
    states = states_of(copied(start, tmp_path / "whole"), operation)
    assert len(states) > 1
    for root, run in kills(launcher, start, operation, soak, tell):
        done = run.acknowledged
        assert contents(root) in states[done : done + 2], run.journal[-3:]
        assert_unlocked(root)
        assert not launcher.run(operation, root).killed
        assert contents(root) == states[-1], run.journal[-3:]
        assert_clean(root)


@pytest.mark.parametrize(
    ("prepare", "line"), COMMANDS, ids=[line.partition(" ")[0] for _, line in COMMANDS]
)
def test_a_command_killed_at_its_writes(launcher, tmp_path, soak, tell, prepare, line):
    """Each view, mask and model is as before the command or as after it."""
    start = begun(tmp_path, prepare)
    operation = partial(operations.command, line)
    before, after = states_of(copied(start, tmp_path / "whole"), operation)
    for root, run in kills(launcher, start, operation, soak, tell):
        found = contents(root)
        for kind in ("trash", "models", "jobs"):
            assert found[kind] in (before[kind], after[kind]), run.journal[-3:]
        for name in before["views"] | found["views"]:
            known = [state["views"].get(name) for state in (before, after)]
            assert found["views"].get(name) in known, run.journal[-3:]
        assert_unlocked(root)
        if found["models"] == before["models"]:  # else it would go back once more
            assert not launcher.run(operation, root).killed
            assert contents(root) == after
        assert_clean(root)


@pytest.mark.parametrize(
    ("prepare", "operation"),
    STEPS,
    ids=[f"{step.__name__}-{state.__name__}" for state, step in STEPS],
)
def test_what_is_acknowledged_survives_a_power_cut(launcher, tmp_path, prepare, operation):
    """Files are synced before they get their names, and names before anything is acknowledged."""
    root = copied(begun(tmp_path, prepare), tmp_path / "whole")
    assert_durable(launcher.run(operation, root).journal)


def test_each_sync_of_a_write_is_missed_when_it_is_left_out(launcher, tmp_path):
    root = copied(begun(tmp_path, operations.masked), tmp_path / "whole")
    journal = launcher.run(operations.veto, root).journal
    syncs = [number for number, (call, *_) in enumerate(journal) if call == "fsync"]
    assert len(syncs) == 4, "a file and its folder, of each of two views"
    for number in syncs:
        with pytest.raises(AssertionError, match="power cut"):
            assert_durable(journal[:number] + journal[number + 1 :])
