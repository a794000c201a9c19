"""The blob filter on drawn probability maps: what it keeps, what it drops, what it counts."""

import cv2
import numpy as np
import pytest
from drawn_scenes import cup_mask, ellipse_mask, soften

from automask_ros.segmentation.blobs import BlobConfig, filter_blobs
from automask_ros.segmentation.evaluation import mask_iou

SHAPE = (240, 320)


def test_an_object_alone_is_kept_whole() -> None:
    truth = ellipse_mask(SHAPE, (160, 120), (60, 40), 20)
    pixels, statistics = filter_blobs(soften(truth))
    assert mask_iou(pixels, truth) > 0.97
    assert pixels.dtype == bool
    assert (statistics.blobs, statistics.parts) == (1, 1)
    assert statistics.stray_share == 0
    assert statistics.border_share == 0
    assert statistics.hole_share == 0
    assert statistics.area_share == pytest.approx(truth.mean(), rel=0.03)
    assert statistics.solidity > 0.97
    assert statistics.box == cv2.boundingRect(pixels.astype(np.uint8))


def test_strays_are_dropped_and_their_share_is_told() -> None:
    truth = ellipse_mask(SHAPE, (150, 120), (50, 40))
    strays = ellipse_mask(SHAPE, (290, 30), (15, 12)) | ellipse_mask(SHAPE, (20, 220), (10, 10))
    pixels, statistics = filter_blobs((truth | strays).astype(np.float32))
    np.testing.assert_array_equal(pixels, truth)
    assert (statistics.blobs, statistics.parts) == (3, 1)
    # Strays in the corners weigh less than their area.
    assert 0.02 < statistics.stray_share < 0.9 * strays.sum() / (truth | strays).sum()


def test_a_map_that_is_object_everywhere_is_one_blob() -> None:
    pixels, statistics = filter_blobs(np.ones(SHAPE, np.float32))
    assert pixels.all()
    assert (statistics.parts, statistics.stray_share) == (1, 0)
    assert statistics.border_share == 1


def test_the_object_is_rather_near_the_centre_than_large() -> None:
    shown = ellipse_mask(SHAPE, (165, 125), (30, 30))
    corner = ellipse_mask(SHAPE, (35, 35), (33, 33))
    pixels, _ = filter_blobs((shown | corner).astype(np.float32))
    np.testing.assert_array_equal(pixels, shown)


def test_a_strip_along_the_border_is_not_the_object() -> None:
    shown = ellipse_mask(SHAPE, (160, 110), (28, 28))
    strip = np.zeros(SHAPE, bool)
    strip[-25:] = True
    pixels, statistics = filter_blobs((shown | strip).astype(np.float32))
    np.testing.assert_array_equal(pixels, shown)
    assert statistics.border_share == 0


def test_near_parts_belong_to_the_object_and_far_ones_do_not() -> None:
    body = ellipse_mask(SHAPE, (140, 120), (40, 50))
    part = ellipse_mask(SHAPE, (195, 120), (10, 30))
    far = ellipse_mask(SHAPE, (280, 120), (10, 30))
    pixels, statistics = filter_blobs((body | part | far).astype(np.float32))
    np.testing.assert_array_equal(pixels, body | part)
    assert (statistics.blobs, statistics.parts) == (3, 2)


def test_the_hole_of_a_handle_stays_open_and_pinholes_are_filled() -> None:
    cup = cup_mask()
    pierced = cup.copy()
    pierced[100:102, 140:143] = False
    pixels, statistics = filter_blobs(pierced.astype(np.float32))
    np.testing.assert_array_equal(pixels, cup)
    hole = ellipse_mask(SHAPE, (205, 120), (22, 24)) & ~cup
    hole[:, :195] = False
    assert statistics.hole_share == pytest.approx(hole.sum() / (hole | cup).sum(), abs=0.01)


def test_a_hole_that_the_network_doubts_is_filled() -> None:
    truth = ellipse_mask(SHAPE, (160, 120), (60, 50))
    doubted = truth.astype(np.float32)
    doubted[110:130, 150:170] = 0.45
    pixels, statistics = filter_blobs(doubted)
    np.testing.assert_array_equal(pixels, truth)
    assert statistics.hole_share == 0


def test_contact_with_the_border_is_measured() -> None:
    square = np.zeros(SHAPE, np.float32)
    square[0:40, 140:180] = 1.0
    _, statistics = filter_blobs(square)
    assert statistics.border_share == pytest.approx(40 / (4 * 40 - 4))


@pytest.mark.parametrize("value", [0.0, 0.44])
def test_nothing_found_gives_an_empty_mask(value: float) -> None:
    pixels, statistics = filter_blobs(np.full(SHAPE, value, np.float32))
    assert not pixels.any()
    assert statistics.empty
    assert statistics.area_share == 0


def test_specks_alone_are_no_object() -> None:
    specks = np.zeros(SHAPE, np.float32)
    specks[::20, ::20] = 1.0
    pixels, statistics = filter_blobs(specks)
    assert not pixels.any()
    assert statistics.blobs == 0


def test_the_threshold_is_the_config_s() -> None:
    faint = ellipse_mask(SHAPE, (160, 120), (40, 40)) * np.float32(0.4)
    pixels, _ = filter_blobs(faint, BlobConfig(threshold=0.3))
    np.testing.assert_array_equal(pixels, faint > 0)
