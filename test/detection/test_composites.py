"""Composites: what is annotated is what is seen, and the same number gives the same picture."""

import numpy as np
import pytest
from detection.drawn_views import SMALL, add_views, draw_view

from automask_ros.detection.composites import CompositeConfig, CompositeDataset, to_target
from automask_ros.detection.cutouts import Cutout, cut_out, distractor, remove_object
from automask_ros.detection.placing import Placement, Scene
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library

LABELS = {"box": 1, "disc": 2}


def dataset(library: Library, seed: int = 0, **config: float) -> CompositeDataset:
    return CompositeDataset(
        library,
        library.trainable_views(),
        LABELS,
        image_size=SMALL,
        seed=seed,
        config=CompositeConfig(**config),  # type: ignore[arg-type]
    )


def square(side: int, colour: tuple[int, int, int], class_id: int | None) -> Cutout:
    image = np.full((side, side, 3), colour, np.uint8)
    return Cutout(image, np.full((side, side), 255, np.uint8), class_id)


def at(left: float, top: float, side: float) -> Placement:
    corners = [[left, top], [left + side, top], [left + side, top + side], [left, top + side]]
    return Placement(np.array(corners, np.float32), 1.0)


def test_same_seed_same_picture(library: Library) -> None:
    first, second, other = dataset(library), dataset(library), dataset(library, seed=1)
    for number in (0, 3, 7):
        one, two = first[number], second[number]
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.masks, two.masks)
        assert np.array_equal(one.class_ids, two.class_ids)
    assert not np.array_equal(first[0].image, other[0].image)


def test_masks_are_disjoint_and_boxes_tight(library: Library) -> None:
    made = dataset(library)
    seen = set()
    for number in range(30):
        composite = made[number]
        assert composite.image.shape == (96, 128, 3)
        assert composite.image.dtype == np.uint8
        assert composite.masks.sum(0).max(initial=0) <= 1
        image, target = to_target(composite)
        assert image.shape == (3, 96, 128)
        assert float(image.max()) <= 1
        assert target["masks"].shape == composite.masks.shape
        for mask, box in zip(composite.masks, target["boxes"].int().tolist(), strict=True):
            inside = mask[box[1] : box[3], box[0] : box[2]]
            assert inside.sum() == mask.sum() >= 40
            assert inside.any(0).all() or not inside.any(0)[[0, -1]].sum() < 2
        seen.update(composite.class_ids.tolist())
    assert seen == {1, 2}


def test_masks_cover_the_pasted_pixels() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(np.full((96, 128, 3), 100, np.uint8))
    scene.paste(rng, square(30, (0, 0, 250), 1), at(20, 10, 30))
    ((mask, class_id),) = scene.visible(0.25, 10)
    assert class_id == 1
    assert mask.sum() == pytest.approx(900, abs=62)
    assert mask[10:40, 20:50].all()
    red = scene.image[..., 2].astype(int) - scene.image[..., 0] > 120
    assert np.count_nonzero(red & mask) / np.count_nonzero(red | mask) > 0.9


def test_what_is_hidden_is_not_taught() -> None:
    rng = np.random.default_rng(0)
    scene = Scene(np.full((96, 128, 3), 100, np.uint8))
    scene.paste(rng, square(30, (0, 0, 250), 1), at(20, 10, 30))
    scene.paste(rng, square(30, (250, 0, 0), 2), at(35, 10, 30))
    (first, _), (second, _) = scene.visible(0.25, 10)
    assert not (first & second).any()
    assert first.sum() == pytest.approx(450, abs=31)
    assert second.sum() == pytest.approx(900, abs=62)
    # A thing without label hides the rest of the first: below a quarter it is no longer taught.
    scene.paste(rng, square(24, (0, 250, 0), None), at(10, 10, 24))
    ((only, class_id),) = scene.visible(0.25, 10)
    assert class_id == 2
    assert np.array_equal(only, second)


def test_distractors_carry_no_label_and_differ(library: Library) -> None:
    image, mask = draw_view("disc", 0)
    own = cut_out(image, mask, 2)
    rng = np.random.default_rng(0)
    table = np.full((96, 128, 3), 120, np.uint8)
    for _ in range(40):
        thing = distractor(rng, own, table)
        assert thing.class_id is None
        assert thing.image.shape[:2] == thing.alpha.shape == own.alpha.shape
        assert thing.alpha.any()
        same = np.array_equal(thing.alpha, own.alpha)
        shift = np.abs(thing.image.astype(int) - own.image)[own.alpha > 127].max(1).mean()
        assert not same or shift > 10


def test_emptied_view_shows_no_object() -> None:
    image, mask = draw_view("disc", 3)
    emptied = remove_object(image, mask)
    assert np.abs(emptied[mask].astype(int) - 110).mean() < 15
    far = ~mask
    far[max(np.where(mask.any(1))[0][0] - 12, 0) : np.where(mask.any(1))[0][-1] + 13] = False
    assert np.array_equal(emptied[far], image[far])


def test_real_views_show_their_object_alone(library: Library) -> None:
    made = dataset(library, real_share=1.0, labelled_background_share=0, emptied_background_share=0)
    shown = [made[number] for number in range(12)]
    assert sum(len(each.masks) for each in shown) >= 10
    for each in shown:
        assert len(each.masks) <= 1  # none where the view was moved until nothing of it shows
        for mask, class_id in zip(each.masks, each.class_ids, strict=True):
            sign = 1 if class_id == LABELS["disc"] else -1  # red and not blue, or the reverse
            redness = each.image[:, :, 2].astype(int) - each.image[:, :, 0]
            assert sign * redness[mask].mean() > 40
            assert abs(redness[~mask].mean()) < 30


def test_refused_masks_teach_nothing(library: Library) -> None:
    add_views(library, "ghost", 6, accepted=False)
    with pytest.raises(AutomaskError, match="no usable mask of ghost"):
        CompositeDataset(library, library.views(), {**LABELS, "ghost": 3}, image_size=SMALL, seed=0)
