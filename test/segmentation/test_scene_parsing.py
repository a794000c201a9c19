"""SceneParse150's layout: found, read, and refused where it is not whole; and what is cut of it."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from segmentation.drawn_parsing import NAMES, draw_room, write_set

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.scene_classes import (
    SCENE_PARSE_150,
    TABLE_OBJECTS,
    choose_objects,
    read_names,
)
from automask_ros.segmentation.scene_parsing import Scene, SceneParsing
from automask_ros.segmentation.scene_samples import CropConfig, Positions, SampleRow, cut


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_set(tmp_path, training=3, validation=2)


def test_scenes_are_read_with_their_classes(data: Path) -> None:
    scenes = SceneParsing(data, "validation")
    assert scenes.names == NAMES
    assert len(scenes) == 2
    image, classes = draw_room(1000)
    assert scenes[0].name == "ADE_val_00000001"
    np.testing.assert_array_equal(scenes[0].annotation, classes)
    assert np.abs(scenes[0].image.astype(int) - image).mean() < 8  # a JPEG
    assert scenes[0].annotation.min() == 0 and scenes[0].annotation.max() == 5


def test_the_parent_folder_will_do(data: Path) -> None:
    assert len(SceneParsing(data.parent, "training")) == 3


def test_missing_data_is_one_line_with_the_place_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AutomaskError, match=r"http://sceneparsing.csail.mit.edu") as caught:
        SceneParsing(tmp_path / "nowhere", "training")
    assert "\n" not in str(caught.value)
    assert "ADEChallengeData2016.zip" in str(caught.value)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.unlink(), "1 images have no annotation, such as .*00000001.png"),
        (lambda path: path.write_bytes(b"no picture"), "00000001.png is damaged"),
        (lambda path: cv2.imwrite(str(path), np.ones((9, 9), np.uint8)), "not the size of"),
        (lambda path: cv2.imwrite(str(path), np.ones((9, 9, 3), np.uint8)), "is not grey"),
        (
            lambda path: cv2.imwrite(str(path), np.full(draw_room(0)[1].shape, 6, np.uint8)),
            "holds the value 6, but there are 5 classes",
        ),
    ],
)
def test_what_is_not_whole_is_named(data: Path, spoil, message: str) -> None:
    spoil(data / "annotations" / "training" / "ADE_train_00000001.png")
    with pytest.raises(AutomaskError, match=message):
        SceneParsing(data, "training")[0]


def test_names_come_from_the_set_or_else_are_the_benchmarks(data: Path) -> None:
    (data / "objectInfo150.txt").unlink()
    assert read_names(data) == SCENE_PARSE_150
    assert len(set(SCENE_PARSE_150)) == 150
    assert (SCENE_PARSE_150[0], SCENE_PARSE_150[98], SCENE_PARSE_150[149]) == (
        "wall",
        "bottle",
        "flag",
    )
    (data / "objectInfo150.txt").write_text("Idx\tName\n2\twall\n")
    with pytest.raises(AutomaskError, match="does not number its classes"):
        read_names(data)


def test_what_can_lie_on_a_table_is_an_object() -> None:
    classes = choose_objects(SCENE_PARSE_150)
    objects = {n for n, object_ in zip(classes.names, classes.objects, strict=True) if object_}
    assert objects == TABLE_OBJECTS
    assert {"bottle", "vase", "glass"} < objects and not {"wall", "table", "sky"} & objects
    assert choose_objects(NAMES, ["cup"]).objects == (False, False, False, True, False)
    with pytest.raises(AutomaskError, match="--objects spoon: the data set has no such class"):
        choose_objects(NAMES, ["spoon"])


def test_a_crop_shows_the_pixels_of_its_classes() -> None:
    classes = np.ones((40, 60), np.int16)
    classes[10:30, 20:50] = 2
    image = np.repeat((classes * 100).astype(np.uint8)[..., None], 3, axis=2)
    scene = Scene("drawn", image, classes)
    mirrored = set()
    for seed in range(20):
        pixels, numbers = cut(scene, CropConfig(size=48), np.random.default_rng(seed))
        assert pixels.shape == (48, 48, 3) and numbers.shape == (48, 48)
        inside = numbers > 0
        wrong = np.abs(pixels[..., 0].astype(int) - 100 * numbers)[inside] > 60
        assert wrong.mean() < 0.03  # a pixel's width where classes meet
        if not inside.all():  # what lies outside the scene is at the bottom or at the right
            assert numbers[0].any() and numbers[:, 0].any()
        mirrored.add(bool(numbers[:, 0].all()))
    assert len(mirrored) == 2


def test_samples_depend_on_seed_and_position_alone(data: Path) -> None:
    sources = [SceneParsing(data, "training"), SceneParsing(data, "validation")]
    row, again = (SampleRow(sources, CropConfig(32), seed=3) for _ in range(2))
    image, classes = row[7]
    assert image.shape == (3, 32, 32) and image.dtype == torch.float32
    assert classes.shape == (32, 32) and classes.dtype == torch.int64
    again[0]
    assert torch.equal(image, again[7][0]) and torch.equal(classes, again[7][1])
    assert not torch.equal(image, SampleRow(sources, CropConfig(32), seed=4)[7][0])
    assert row.epoch == 6


class Numbered:
    """Scenes of one pixel whose class is their number."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Scene:
        return Scene(
            str(index), np.zeros((1, 1, 3), np.uint8), np.full((1, 1), index + 1, np.int16)
        )


def test_an_epoch_shows_each_scene_once() -> None:
    row = SampleRow([Numbered(5), Numbered(2)], CropConfig(1), seed=0)
    first = [int(row[position][1].max()) for position in range(0, 20, 2)]
    other = [int(row[position][1].max()) for position in range(1, 20, 2)]
    assert sorted(first[:5]) == sorted(first[5:]) == [1, 2, 3, 4, 5]
    assert first[:5] != first[5:]
    assert all(sorted(other[n : n + 2]) == [1, 2] for n in range(0, 10, 2))


def test_processes_share_each_step() -> None:
    alone = list(Positions(range(2, 5), batch_size=4, rank=0, processes=1))
    assert alone == list(range(8, 20))
    halves = [list(Positions(range(2, 5), 4, rank, 2)) for rank in (0, 1)]
    assert halves == [[8, 9, 12, 13, 16, 17], [10, 11, 14, 15, 18, 19]]
    assert len(Positions(range(2, 5), 4, 1, 2)) == 6
