"""Edges move to where the colours change, and nowhere else."""

import numpy as np
import pytest
from drawn_scenes import cup_mask, draw_scene, ellipse_mask, soften

from automask_ros.segmentation.blobs import filter_blobs
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.refinement import RefineConfig, refine_edges

SHAPE = (240, 320)


def test_a_blurred_and_shifted_edge_comes_to_the_image_s_edge() -> None:
    truth = ellipse_mask(SHAPE, (160, 120), (60, 42), 30)
    image = draw_scene(truth, (60, 60, 200), seed=3)
    said = soften(np.roll(truth, (3, 3), (0, 1)), 5.0)
    coarse, _ = filter_blobs(said)
    fine, _ = filter_blobs(refine_edges(image, said, coarse))
    assert mask_iou(coarse, truth) < 0.92
    assert mask_iou(fine, truth) > 0.95


def test_the_hole_of_a_handle_survives() -> None:
    truth = cup_mask()
    image = draw_scene(truth, (60, 60, 200), seed=4)
    said = soften(truth, 4.0)
    fine, statistics = filter_blobs(refine_edges(image, said, said >= 0.5))
    assert mask_iou(fine, truth) > 0.95
    assert not fine[120, 210]
    assert statistics.hole_share > 0.05


def test_a_large_image_is_refined_at_its_own_resolution() -> None:
    truth = ellipse_mask((960, 1280), (640, 480), (260, 180), 30)
    image = draw_scene(truth, (60, 60, 200), seed=3)
    said = soften(truth, 25.0)
    fine, _ = filter_blobs(refine_edges(image, said, said >= 0.5))
    assert mask_iou(fine, truth) > 0.98


def test_values_stay_probabilities_and_the_far_field_stays_as_it_is() -> None:
    truth = ellipse_mask(SHAPE, (80, 120), (30, 30))
    said = soften(truth) * 0.9 + 0.05
    refined = refine_edges(draw_scene(truth, (60, 60, 200), seed=5), said, truth)
    assert refined.min() >= 0
    assert refined.max() <= 1
    np.testing.assert_array_equal(refined[:, 200:], said[:, 200:])


def test_an_empty_mask_changes_nothing() -> None:
    said = np.full(SHAPE, 0.2, np.float32)
    image = np.zeros((*SHAPE, 3), np.uint8)
    assert refine_edges(image, said, np.zeros(SHAPE, bool)) is said


@pytest.mark.parametrize("value", [0, 255])
def test_an_image_without_any_contrast_leaves_the_edge_where_it_was(value: int) -> None:
    truth = ellipse_mask(SHAPE, (160, 120), (60, 40))
    image = np.full((*SHAPE, 3), value, np.uint8)
    fine = refine_edges(image, soften(truth), truth, RefineConfig(radius=0.05)) >= 0.5
    assert mask_iou(fine, truth) > 0.95
