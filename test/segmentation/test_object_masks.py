"""The masks of an object's views make each other better, and what they were is not lost."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn_scenes import draw_red_and_dark, ellipse_mask

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.segmentation.adaptation import AdaptationConfig
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.mask_generator import MaskGenerator, generate_masks
from automask_ros.segmentation.object_masks import ObjectMaskConfig, improve_masks
from automask_ros.segmentation.settling import (
    add_empty_scene,
    empty_scene_paths,
    settle_object,
    unsettled_labels,
)
from automask_ros.segmentation.taught_samples import SampleConfig
from automask_ros.types import Mask, Progress, Verdict, Way

SHAPE = (120, 160)
LOST = (1, 6)
QUICK = ObjectMaskConfig(
    rounds=1,
    adaptation=AdaptationConfig(
        iterations=24, seconds=3600, learning_rate=2e-3, samples=SampleConfig(side=128)
    ),
)
COMPARE = ObjectMaskConfig(adapt=False)


def scene(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red thing near the middle, a dark one at the side, and the mask of each."""
    random = np.random.default_rng(seed)
    red = ellipse_mask(SHAPE, (60 + int(random.integers(20)), 60), (30, 20), random.uniform(0, 180))
    dark = ellipse_mask(SHAPE, (136, 60 + int(random.integers(-30, 30))), (18, 12))
    return draw_red_and_dark(red, dark, seed), red, dark & ~red


@pytest.fixture(scope="module")
def generator() -> MaskGenerator:
    return MaskGenerator("lite", "cpu")


@pytest.fixture(scope="module")
def scenes() -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    return [scene(seed) for seed in range(9)]


def test_views_that_took_the_wrong_thing_are_put_right(
    generator: MaskGenerator, scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    masks = wrong_in_lost(scenes)
    images = [image for image, _, _ in scenes]
    compared = improve_masks(generator, images, masks, config=COMPARE)
    assert {each.way for each in compared} == {Way.COMPARED}
    for index in LOST:
        assert compared[index].mask.verdict.reasons[-1].startswith("differs from the other views")
        np.testing.assert_array_equal(compared[index].mask.pixels, masks[index].pixels)

    steps: list[Progress] = []
    improved = improve_masks(generator, images, masks, config=QUICK, progress=steps.append)
    for index in LOST:
        assert improved[index].way is not Way.COMPARED
        assert mask_iou(improved[index].mask.pixels, scenes[index][1]) > 0.8
    every = [mask_iou(each.mask.pixels, s[1]) for each, s in zip(improved, scenes, strict=True)]
    assert np.mean(every) > 0.9
    # With all of them accepted there is nothing left that a network of its own would help.
    assert {step.stage for step in steps} == {"compare", "join"}


def wrong_in_lost(scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> list[Mask]:
    """Good masks, but in the views LOST the dark thing's, in doubt."""
    return [
        Mask(dark, Verdict(False, 0.4, ("doubtful",)))
        if index in LOST
        else Mask(red, Verdict(True, 0.9))
        for index, (_, red, dark) in enumerate(scenes)
    ]


def test_an_adapted_network_finds_what_was_refused(
    generator: MaskGenerator, scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    images = [image for image, _, _ in scenes]
    config = replace(QUICK, joins=0)
    steps: list[Progress] = []
    improved = improve_masks(
        generator, images, wrong_in_lost(scenes), config=config, progress=steps.append
    )
    assert {step.stage for step in steps} == {"compare", "adapt", "masks again"}
    for index in LOST:
        assert improved[index].way is Way.ADAPTED
        assert mask_iou(improved[index].mask.pixels, scenes[index][1]) > 0.8


def test_a_copy_that_was_ruined_is_thrown_away(
    generator: MaskGenerator, scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    ruin = replace(QUICK.adaptation, learning_rate=30.0, way=1.0)
    images = [image for image, _, _ in scenes]
    steps: list[Progress] = []
    improved = improve_masks(
        generator,
        images,
        wrong_in_lost(scenes),
        config=replace(QUICK, joins=0, adaptation=ruin),
        progress=steps.append,
    )
    assert "adapt" in {step.stage for step in steps}
    assert "masks again" not in {step.stage for step in steps}
    assert Way.ADAPTED not in {each.way for each in improved}


def test_drawn_masks_stay_and_no_accepted_one_is_lost(
    generator: MaskGenerator, scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    masks = wrong_in_lost(scenes)
    drawn = [index in LOST for index in range(len(scenes))]
    images = [image for image, _, _ in scenes]
    improved = improve_masks(generator, images, masks, drawn=drawn, config=QUICK)
    for index in LOST:
        assert improved[index].way is Way.COMPARED
        np.testing.assert_array_equal(improved[index].mask.pixels, masks[index].pixels)
        assert improved[index].mask.verdict == masks[index].verdict
    others = [each for index, each in enumerate(improved) if index not in LOST]
    assert all(each.mask.verdict.accepted for each in others)


def test_masks_that_fit_nothing_are_left_as_they_are(
    generator: MaskGenerator, scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
) -> None:
    random = np.random.default_rng(0)
    masks = [
        Mask(
            ellipse_mask(SHAPE, (int(random.integers(30, 130)), 20 + 80 * (i % 2)), (14, 10)),
            Verdict(True, 0.9),
        )
        for i in range(len(scenes))
    ]
    improved = improve_masks(generator, [image for image, _, _ in scenes], masks, config=QUICK)
    for old, new in zip(masks, improved, strict=True):
        np.testing.assert_array_equal(new.mask.pixels, old.pixels)
        assert new.way is Way.COMPARED


def test_the_library_tells_what_is_settled(
    generator: MaskGenerator,
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]],
    tmp_path: Path,
) -> None:
    library = Library(tmp_path / "library", create=True)
    for index, (image, _, _) in enumerate(scenes[:6]):
        library.add_view("mug", image, captured_at=float(index), source="test", view_id=f"v{index}")
    generate_masks(library, generator, library.views_without_mask())
    library.set_vetoed(library.view("mug", "v5"), True)
    painted = scenes[0][1]
    library.write_drawn_mask(library.view("mug", "v0"), painted)
    plain = {view.id: library.read_mask(view) for view in library.views()}
    made_at = {view.id: view.mask_made_at for view in library.views()}
    assert unsettled_labels(library) == ["mug"]

    settled = settle_object(library, generator, "mug", COMPARE)
    assert [view.id for view in settled.views] == ["v1", "v2", "v3", "v4"]
    assert settled.remade == settled.adapted == 0
    assert unsettled_labels(Library(tmp_path / "library")) == []
    made_by = {view.id: view.made_by for view in library.views()}
    assert made_by["v0"] == library.view("mug", "v0").made_by != "lite, compared"
    assert {made_by[f"v{i}"] for i in (1, 2, 3, 4)} == {"lite, compared"}
    assert made_by["v5"] == "lite", "a vetoed view was touched"
    for view in library.views():
        np.testing.assert_array_equal(library.read_mask(view), plain[view.id])
    assert {view.id: view.mask_made_at for view in library.views()} == made_at

    # From the views alone: settling once more gives the same verdicts.
    before = {view.id: view.verdict for view in library.views()}
    settle_object(library, generator, "mug", COMPARE)
    assert {view.id: view.verdict for view in library.views()} == before

    # With leave to make masks anew, each says how it was made, and what was drawn stays.
    again = settle_object(library, generator, "mug", replace(QUICK, rounds=0))
    assert again.remade == 4
    verdicts = [library.view("mug", view.id).verdict for view in again.views]
    assert again.accepted == sum(verdict.accepted for verdict in verdicts if verdict)
    assert again.accepted_alone == sum(
        generator(library.read_image(view)).verdict.accepted for view in again.views
    )
    made_by = {view.id: view.made_by for view in library.views()}
    assert {made_by[f"v{i}"] for i in (1, 2, 3, 4)} == {"lite, joined"}
    assert unsettled_labels(library) == []
    np.testing.assert_array_equal(library.read_mask(library.view("mug", "v0")), painted)


def test_empty_scenes_are_kept_with_the_object(
    scenes: list[tuple[np.ndarray, np.ndarray, np.ndarray]], tmp_path: Path
) -> None:
    library = Library(tmp_path / "library", create=True)
    library.add_view("mug", scenes[0][0], captured_at=0.0, source="test")
    assert empty_scene_paths(library, "mug") == []
    picture = tmp_path / "table.jpg"
    cv2.imwrite(str(picture), scenes[1][0])
    add_empty_scene(library, "mug", picture)
    assert [path.name for path in empty_scene_paths(library, "mug")] == ["table.png"]
    with pytest.raises(AutomaskError, match=r"gone\.png"):
        add_empty_scene(library, "mug", tmp_path / "gone.png")
