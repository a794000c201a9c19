"""Damaged files met by running nodes: each goes on with the rest, and says what it left out."""

import time

import pytest
from integration.drawn_objects import view
from integration.stored_models import store_model

from automask_ros.detection.base_models import WEIGHTS_FILE
from automask_ros.library.check import repair_library
from automask_ros.library.digests import file_digest
from automask_ros.library.library import Library
from automask_ros.library.records import write_record
from automask_ros.types import Mask, Verdict


@pytest.fixture
def library(tmp_path):
    """Twelve views of a cup, with their true masks but for the last two."""
    library = Library(tmp_path / "library", create=True)
    for seed in range(12):
        image, mask = view("cup", seed)
        added = library.add_view(
            "cup", image, captured_at=1000.0 + seed, source="drawn", view_id=f"v{seed:02d}"
        )
        if seed < 10:
            library.write_mask(added, Mask(mask, Verdict(True, 1.0)), fcn="drawn")
    return library


def damage(path, cut=0.5):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * cut)])


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 16
    path.write_bytes(data)


def test_a_mask_generator_makes_the_masks_of_all_other_views(robot, library):
    damage(library.image_path("cup", "v10"))
    damage(library.root / "objects/cup/views/v03.json")
    robot.start("mask_generation_node", library=library.root, threads=1, adapt_after=3600.0)
    robot.wait_for(lambda: library.view("cup", "v11").verdict, 60, "the mask of the whole view")
    robot.wait_for(
        lambda: (status := robot.status("mask_generator")[0]) and "v10.png is" in status.message,
        20,
        "the damaged image on /diagnostics",
    )
    assert "v03.json is damaged" in robot.log("mask_generation_node")
    # Its mask goes bad while the node runs, and it is told to make it anew.
    damage(library.mask_path("cup", "v11"), 0.0)
    repair_library(library.root)
    robot.wait_for(
        lambda: (v := library.view("cup", "v11")).verdict and library.usable_mask(v) is not None,
        30,
        "another mask",
    )
    assert robot.alive() == {"mask_generation_node"}


def test_a_training_waits_for_no_damaged_view_and_leaves_it_out(robot, library, soak):
    damage(library.image_path("cup", "v10"))
    damage(library.image_path("cup", "v11"), 0.0)
    flip(library.image_path("cup", "v00"))
    damage(library.mask_path("cup", "v01"))
    damage(library.root / "objects/cup/views/v02.json", 0.0)
    (library.root / "jobs").mkdir()
    (library.root / "jobs" / "job-0001.json").write_text('{"id": "job-00')
    robot.listen("trainer/progress")
    robot.start(
        "trainer_node",
        library=library.root,
        base_model="lite",
        device="cpu",
        image_size=160,
        threads=1,
        iterations=20 if soak else 100_000,
        min_ap50=0.0,
        mask_patience=120.0,
    )
    assert robot.call("trainer/train").message == "job-0002 queued"
    asked = time.monotonic()

    def stage():
        heard = robot.heard["trainer/progress"]
        values = {each.key: each.value for each in heard[-1].values} if heard else {}
        return values.get("stage")

    robot.wait_for(lambda: stage() in ("look", "train", "failed", "done"), 100, "the training")
    assert stage() != "failed", robot.heard["trainer/progress"][-1].message
    assert time.monotonic() - asked < 100
    messages = [each.message for each in robot.heard["trainer/progress"]]
    assert not any("waiting for the masks" in each for each in messages)
    log = robot.log("trainer_node")
    for left_out in ("job-0001.json is damaged", "v02.json is damaged", "v00.png is damaged"):
        assert left_out in log
    if soak:
        robot.wait_for(lambda: stage() in ("failed", "done"), 600, "the end of the training")
        assert stage() == "done", robot.heard["trainer/progress"][-1].message
        record = library.models.record(1).model_extra
        used = {each for part in record["views"]["cup"].values() for each in part}
        assert used == {f"v{number:02d}" for number in range(3, 10)}
    else:
        assert robot.call("trainer/cancel").success


def pytest_generate_tests(metafunc):
    """A detector is started once in the test suite, with weights that are damaged, and in a long
    run with weights that were never any as well."""
    if "way" in metafunc.fixturenames:
        soak = metafunc.config.getoption("--soak")
        metafunc.parametrize("way", ["flipped", "never good"] if soak else ["flipped"])


def test_a_detector_falls_back_to_the_model_before_and_keeps_it(robot, library, way):
    first, second = (
        library.models.directory(store_model(library, None, image_size=size)) / WEIGHTS_FILE
        for size in (160, 192)
    )
    if way == "flipped":
        flip(second)
    else:
        damage(second)
        record = library.models.record(2)
        digests = {WEIGHTS_FILE: file_digest(second)}
        write_record(second.parent / "model.json", record.model_copy(update={"files": digests}))
    robot.listen("detector/vision_info", "detector/detections")
    robot.start("detector_node", library=library.root, device="cpu", threads=1)
    robot.wait_for(lambda: robot.heard["detector/vision_info"], 60, "a model")
    assert robot.heard["detector/vision_info"][-1].database_location == str(first.parent)
    said = {
        "flipped": "model version 2 is damaged (model.safetensors is not the file that was written)"
        ": version 1 is live instead",
        "never good": "version 1 detects instead",
    }[way]
    robot.wait_for(
        lambda: (status := robot.status("detector")[0]) and said in status.message,
        20,
        "the damage on /diagnostics",
    )
    # What runs is in memory: damage to its files ends nothing.
    flip(first)
    (library.root / "models" / "promotions.json").write_text("")
    robot.spin(2.5)
    assert robot.answer_to(view("cup", 3)[0], "detector/detections").detections
    assert robot.state("detector") == "active"
