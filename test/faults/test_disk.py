"""The disk fills, turns read-only, fails, is slow, or loses a file or the whole library.

The nodes meet some faults once, or each 25 times with --soak. What is asserted each time: one line
with the remedy, nothing half-written, and that all goes on by itself afterwards.
"""

import json
import subprocess
import sys
import time

import cv2
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from faults.disks import Disk
from faults.taught import teach
from integration.drawn_objects import view
from integration.test_trainer import last, training_processes
from std_srvs.srv import Trigger

from automask_ros.library.library import Library
from automask_ros.nodes.image_messages import seconds_of

ERROR = b"\x02"
FULL = "the disk is full; free some space and try again"
GONE = "is gone; mount its disk or put the folder back"
FAULTS = {
    FULL: Disk.fill,
    "the file system is read-only; mount it writable": Disk.turn_read_only,
    "the disk reports an input/output error": lambda disk: disk.fail("EIO", ("fsync",)),
    "the disk quota is used up": lambda disk: disk.fail("EDQUOT", ("open", "mkdir")),
    "permission denied; make it writable": lambda disk: disk.fail("EACCES"),
    GONE: Disk.go_away,
}
FEW = [FULL, "the disk reports an input/output error", GONE]


@pytest.fixture
def disk(tmp_path, soak):
    """A small disk; what made its faults is said at the end."""
    made = Disk(tmp_path / "disk", megabytes=320 if soak else 160)
    yield made
    made.close()
    print(f"faults of the disk: {', '.join(sorted(set(made.faults)))}")


class Camera:
    """Shows a cup, each time as it was never seen before."""

    def __init__(self, robot):
        self.robot = robot
        self.shown = 0

    def show(self):
        self.shown += 1
        self.robot.show(view("cup", self.shown)[0])
        self.robot.spin(0.1)

    def until(self, condition, what, seconds=60.0):
        """Go on showing until the condition holds."""

        def shown():
            self.show()
            return condition()

        return self.robot.wait_for(shown, seconds, what)


def says(robot, node, words):
    """Whether the newest diagnostics of a node are an error with these words."""
    status, _ = robot.status(node)
    return status is not None and status.level == ERROR and words in status.message


def is_well(robot, node):
    status, _ = robot.status(node)
    return status is not None and status.level == b"\x00"


def is_whole(root):
    """Whether `check_whole` finds nothing now, while nodes may still be writing."""
    try:
        check_whole(root)
    except (AssertionError, OSError, ValueError):
        return False
    return True


def check_whole(root):
    """Every view has its image, every image its view, and nothing half-written lies about."""
    views = {path.stem for path in root.glob("objects/*/views/*.json")}
    assert {path.stem for path in root.glob("objects/*/views/*.png")} == views
    for path in root.glob("objects/*/views/*.json"):
        json.loads(path.read_bytes())
    for path in root.glob("objects/*/*/*.png"):
        assert cv2.imread(str(path)) is not None, path
    assert not [path for path in root.rglob(".*") if path.name != ".lock"]
    return views


def test_capture_and_masks_go_on_when_the_disk_is_well_again(robot, disk, soak):
    robot.environment |= disk.environment
    robot.start("capture_node", library=disk.root, label="cup", views=10000, min_novelty=0.005)
    quick = {"device": "cpu", "threads": 1, "look_period": 0.2, "adapt_after": 3600.0}
    robot.start("mask_generation_node", library=disk.root, **quick)
    camera = Camera(robot)
    assert robot.call("capture/start").success
    library = Library(disk.root)
    camera.until(lambda: len(library.views()) >= 2, "two views")

    for words in list(FAULTS) * 25 if soak else FEW:
        FAULTS[words](disk)
        camera.until(lambda: says(robot, "capture", words), f"'{words}'")  # noqa: B023
        message = robot.message("capture")
        assert message.startswith("not keeping views: ") or GONE in message
        assert str(disk.root) in message and "\n" not in message
        assert robot.status("capture")[1]["state"] in ("not keeping views", "started")
        answer = robot.call("capture/start")
        assert not answer.success and words in answer.message
        if words == GONE:
            robot.wait_for(lambda: says(robot, "mask_generator", GONE), 30, "the other's line")
            assert disk.come_back() == [], "something was written where the library was"
        else:
            if words != FULL:  # a rename needs no room
                answer = robot.call("capture/undo")
                assert not answer.success and words in answer.message
            disk.heal()
        before = len(library.views())
        camera.until(lambda: len(library.views()) > before, "a view by itself")  # noqa: B023
        for node in ("capture", "mask_generator"):
            camera.until(lambda: is_well(robot, node), f"a {node} that is well")  # noqa: B023
        patience = 60 + 5 * len(library.views())
        robot.wait_for(lambda: not library.views_without_mask(), patience, "the masks")
        robot.wait_for(lambda: is_whole(disk.root), 30, "a whole library")
    assert robot.alive() == {"capture_node", "mask_generation_node"}

    masks_that_cannot_be_written(robot, disk, camera, library)
    lost_files(robot, camera, library)


def masks_that_cannot_be_written(robot, disk, camera, library):
    """The view stays without a mask, and gets it once the disk takes it."""
    disk.fail("EIO", ("fsync",), under="objects/cup/masks")
    before = len(library.views())
    camera.until(lambda: len(library.views()) > before, "a view")
    assert robot.call("capture/stop").success
    words = "not making masks: cannot write "
    camera.until(lambda: says(robot, "mask_generator", words), "the line")
    assert "input/output error" in robot.message("mask_generator")
    assert library.views_without_mask()
    camera.until(lambda: is_well(robot, "capture"), "a capture that is well")
    disk.heal()
    robot.wait_for(lambda: not library.views_without_mask(), 60, "the masks")
    robot.wait_for(lambda: is_well(robot, "mask_generator"), 30, "a generator that is well")
    check_whole(library.root)


def lost_files(robot, camera, library):
    """An image, a mask, a JSON and all masks are lost under the running nodes."""
    one, two, three = library.views()[-3:]
    image = library.image_path("cup", one.id)
    kept = image.read_bytes()
    image.unlink()
    library.mask_path("cup", one.id).unlink()
    words = f"the image of cup/{one.id} is gone"
    robot.wait_for(lambda: words in robot.message("mask_generator"), 30, "its line")
    image.write_bytes(kept)
    robot.wait_for(lambda: library.view("cup", one.id).verdict, 60, "its mask")
    robot.wait_for(lambda: is_well(robot, "mask_generator"), 30, "a generator that is well")

    library.mask_path("cup", two.id).unlink()
    robot.wait_for(lambda: library.view("cup", two.id).verdict, 60, "a new mask")
    masks = library.mask_path("cup", two.id).parent
    for path in masks.iterdir():
        path.unlink()
    masks.rmdir()
    patience = 60 + 5 * len(library.views())
    robot.wait_for(lambda: not library.views_without_mask(), patience, "all masks anew")

    # The newest view is not there any more: undo takes the one before it.
    image.with_name(f"{three.id}.json").unlink()
    answer = robot.call("capture/undo")
    assert answer.success and answer.message.startswith(f"view {two.id} undone")


def test_a_slow_disk_holds_up_no_callback(robot, disk):
    robot.environment |= disk.environment
    robot.start("capture_node", library=disk.root, label="cup", views=1000, min_novelty=0.005)
    camera = Camera(robot)
    assert robot.call("capture/start").success
    library = Library(disk.root)
    camera.until(lambda: len(library.views()) >= 2, "two views")
    robot.call("capture/undo")
    robot.call("capture/stop")
    robot.call("capture/start")
    heard = []
    topic = "/diagnostics"
    robot.node.create_subscription(
        DiagnosticArray, topic, lambda m: heard.append(seconds_of(m.header.stamp)), 10
    )
    disk.fail("", ("fsync",), seconds=2.0)
    words = "took"
    camera.until(lambda: words in robot.message("capture"), "the line")
    assert f"the disk of {disk.root} took" in robot.message("capture")
    waiting = int(robot.status("capture")[1]["waiting"])
    # A view is being written, which takes 8 s; undo waits for it, and everything else goes on.
    undoing = robot.meet(Trigger, "capture/undo").call_async(Trigger.Request())
    asked = time.monotonic()
    assert robot.call("capture/stop").success
    assert not undoing.done()
    robot.wait_for(undoing.done, 60, "the answer of undo")
    assert undoing.result().success and time.monotonic() - asked > 1.5
    gaps = [later - earlier for earlier, later in zip(heard, heard[1:], strict=False)]
    print(f"diagnostics every {max(gaps):.2f} s at the longest in {heard[-1] - heard[0]:.0f} s")
    assert max(gaps) < 5.0
    assert waiting > 0, "the camera's frames wait for the disk"
    disk.heal()
    robot.wait_for(lambda: is_whole(disk.root), 60, "a whole library")


def start_trainer(robot, library, **parameters):
    small = {"base_model": "lite", "image_size": 160, "iterations": 20, "clutter": 4}
    small |= {"device": "cpu", "threads": 1}
    robot.start("trainer_node", library=library.root, **(small | parameters))


def test_trainer_and_detector_live_on_a_failing_disk(robot, disk, soak):
    library = teach(disk.root, versions=2)
    robot.environment |= disk.environment
    robot.listen("trainer/progress", "detector/detections", "detector/vision_info")
    start_trainer(robot, library, min_views=50)
    robot.start("detector_node", library=library.root, device="cpu", threads=1)
    robot.wait_for(lambda: robot.heard["detector/vision_info"], 60, "the detector's model")
    robot.wait_for(lambda: is_well(robot, "trainer"), 30, "the trainer")
    for words in list(FAULTS) * 25 if soak else [FULL]:
        FAULTS[words](disk)
        answer = robot.call("trainer/train")
        assert not answer.success and words in answer.message and str(disk.root) in answer.message
        robot.answer_to(view("cup", 3)[0], "detector/detections")
        if words == GONE:
            for node in ("trainer", "detector"):
                robot.wait_for(
                    lambda: GONE in robot.message(node),  # noqa: B023
                    30,
                    f"the line of {node}",
                )
            assert not robot.call("trainer/rollback").success
            assert disk.come_back() == [], "something was written where the library was"
        else:
            disk.heal()
        robot.wait_for(lambda: is_well(robot, "trainer"), 30, "a trainer that is well")
    check_jobs_end(robot, disk, library)
    check_lost_model(robot, library)
    assert robot.alive() == {"trainer_node", "detector_node"}
    if soak:
        check_disk_that_fills_while_training(robot, disk, library)


def check_jobs_end(robot, disk, library):
    """The end of a job that cannot be written is told, and written once that is possible."""
    answer = robot.call("trainer/train")
    assert answer.success
    job = library.root / "jobs" / f"{answer.message.split()[0]}.json"
    disk.fail("EIO", ("fsync",), under="jobs")
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 90, "the job's end")
    assert "needs 50" in last(robot)[0]
    robot.wait_for(lambda: says(robot, "trainer", f"cannot write {job}"), 30, "the line")
    assert json.loads(job.read_bytes())["state"] in ("queued", "running")
    disk.heal()
    robot.wait_for(lambda: json.loads(job.read_bytes())["state"] == "failed", 30, "the state")


def check_lost_model(robot, library):
    """The live model's folder is lost: said, and the detector goes on with what it has loaded."""
    version = library.models.current()
    folder, beside = library.models.directory(version), library.root / "lost"
    folder.rename(beside)
    words = f"model version {version} is gone from"
    for node in ("trainer", "detector"):
        robot.wait_for(lambda: words in robot.message(node), 30, words)  # noqa: B023
    robot.answer_to(view("cup", 3)[0], "detector/detections")
    beside.rename(folder)
    for node in ("trainer", "detector"):
        robot.wait_for(
            lambda: words not in robot.message(node),  # noqa: B023
            30,
            "a model that is back",
        )


def check_disk_that_fills_while_training(robot, disk, library):
    """The job fails with the reason; with room again the next one makes a version."""
    assert robot.set_parameter("trainer", "min_views", 6).successful
    versions = library.models.versions()
    assert robot.call("trainer/train").success
    robot.wait_for(lambda: last(robot)[1].get("stage") == "look", 120, "pictures looked at")
    disk.fill()
    robot.wait_for(lambda: last(robot)[1].get("stage") == "failed", 240, "the failure")
    assert FULL in last(robot)[0]
    assert not training_processes(robot.process("trainer_node").pid)
    disk.heal()
    assert library.models.versions() == versions
    assert not list(library.models.root.glob(".staging-*")), "something half-written"
    assert robot.call("trainer/train").success
    robot.wait_for(lambda: last(robot)[1].get("stage") == "done", 240, "the next job")
    assert library.models.versions() == [*versions, versions[-1] + 1]


def test_the_command_line_stops_in_one_line_and_goes_on(disk, tmp_path):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for seed in range(4):
        cv2.imwrite(str(pictures / f"picture_{seed}.png"), view("cup", seed)[0])
    disk.fill()
    assert_one_line(disk, pictures, FULL)
    disk.heal()
    Library(disk.root, create=True)
    disk.fail("EIO", ("rename",), under="objects/cup/views/picture_2")
    assert_one_line(disk, pictures, "input/output error")
    assert check_whole(disk.root) == {f"picture_{seed}" for seed in range(2)}
    disk.heal()
    finished = add(disk, pictures)
    assert finished.returncode == 0, finished.stderr
    assert "views of cup: 2 new, 2 already there" in finished.stdout
    assert len(check_whole(disk.root)) == 4
    assert not Library(disk.root).views_without_mask()


def add(disk, pictures):
    command = [sys.executable, "-m", "automask_ros.cli.main", "add", "--library", str(disk.root)]
    command += ["--label", "cup", "--no-adapt", "--device", "cpu", str(pictures)]
    environment = {"PATH": "", "OMP_NUM_THREADS": "1"} | disk.environment
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def assert_one_line(disk, pictures, words):
    finished = add(disk, pictures)
    assert finished.returncode == 2
    (line,) = [each for each in finished.stderr.splitlines() if each.startswith("automask:")]
    assert words in line and "Traceback" not in finished.stderr
