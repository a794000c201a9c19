"""Nodes that share one process and one executor: all of them answer, and end together."""

import signal

from integration.drawn_objects import view

from automask_ros.library.library import Library


def test_all_nodes_in_one_process(robot, tmp_path):
    root = tmp_path / "library"
    robot.listen("capture/view", "mask_generator/mask")
    given = {"label": "cup", "views": 3, "device": "cpu", "threads": 1, "adapt_after": 3600.0}
    robot.start("composed_nodes", library=root, **given)
    assert robot.state("detector") == "active"
    assert robot.call("capture/start").success
    robot.wait_for(lambda: robot.images.get_subscription_count() == 2, 30, "both listeners")

    def kept(seed):
        robot.show(view("cup", seed)[0])  # shown again it is no new view
        robot.spin(0.2)
        return len(robot.heard["capture/view"]) == seed + 1

    for seed in range(3):
        robot.wait_for(lambda seed=seed: kept(seed), 20, f"view {seed}")
    robot.wait_for(lambda: len(robot.heard["mask_generator/mask"]) >= 3, 90, "the masks")
    assert all(each.verdict is not None for each in Library(root).views("cup"))
    answer = robot.call("trainer/cancel")
    assert not answer.success and answer.message == "no job to cancel"
    robot.wait_for(
        lambda: (
            {"capture", "mask_generator", "trainer", "detector", "teach"}
            <= {name.rpartition("/")[2] for name in robot.diagnostics}
        ),
        10,
        "the diagnostics of all",
    )
    for _ in range(3):
        assert robot.change_state("detector", "deactivate")
        assert robot.change_state("detector", "cleanup")
        assert robot.change_state("detector", "configure")
        assert robot.change_state("detector", "activate")
    assert robot.stop("composed_nodes", signal.SIGINT) == 0


def test_what_there_is_not_is_said():
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-m", "automask_ros.nodes.composed_nodes", "capture", "toaster"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "automask: there is no node toaster; name some of capture, mask_generator, trainer, "
        "detector, teach\n"
    )
