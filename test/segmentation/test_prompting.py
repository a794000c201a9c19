"""Masks redrawn by a promptable network: two layouts, the bar of agreement, and clear refusals."""

import cv2
import numpy as np
import pytest
from onnx import helper
from segmentation.promptable_networks import save_graph, write_sam, write_sam2

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.prompting import RefinerConfig, load_refiner

SIZE = (90, 120)
LAYOUTS = pytest.mark.parametrize("write", [write_sam, write_sam2])


def ring() -> np.ndarray:
    """A thick ring off the centre: with a hole, and another shape across than down."""
    pixels = np.zeros(SIZE, np.uint8)
    cv2.ellipse(pixels, (70, 40), (34, 24), 0, 0, 360, 1, -1)
    cv2.ellipse(pixels, (74, 40), (10, 8), 0, 0, 360, 0, -1)
    return pixels.astype(bool)


def picture(pixels) -> np.ndarray:
    image = np.full((*SIZE, 3), (200, 60, 60), np.uint8)
    image[pixels] = (40, 60, 210)
    return image


@LAYOUTS
def test_a_sloppy_mask_is_redrawn_to_the_edges_with_its_hole(write, tmp_path):
    truth = ring()
    sloppy = cv2.dilate(truth.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    assert mask_iou(sloppy, truth) < 0.83
    refine = load_refiner(write(tmp_path))
    redrawn = refine(picture(truth), sloppy)
    assert redrawn.shape == SIZE and redrawn.dtype == bool
    assert mask_iou(redrawn, truth) > 0.97
    assert not redrawn[40, 74], "the hole is open"


@LAYOUTS
def test_what_means_another_object_is_not_believed(write, tmp_path):
    truth = ring()
    half = truth.copy()
    half[:, :80] = False
    refine = load_refiner(write(tmp_path))
    assert refine(picture(truth), half) is half
    lenient = load_refiner(write(tmp_path), config=RefinerConfig(least_agreement=0.02))
    # Then the most promising of the two counts, which is the whole image.
    assert lenient(picture(truth), half).all()


@LAYOUTS
def test_an_empty_mask_stays_empty(write, tmp_path):
    empty = np.zeros(SIZE, bool)
    assert load_refiner(write(tmp_path))(picture(ring()), empty) is empty


def test_no_name_is_no_refiner():
    assert load_refiner("") is None


@pytest.mark.parametrize("names", ["encoder.onnx", "a.onnx,b.onnx,c.onnx", ","])
def test_two_files_are_asked_for(names):
    with pytest.raises(AutomaskError, match=r"name two files, encoder and decoder"):
        load_refiner(names)


def test_missing_and_broken_files_are_named(tmp_path):
    with pytest.raises(AutomaskError, match=r"there is no refiner at .*missing\.onnx"):
        load_refiner(f"{tmp_path}/missing.onnx,{tmp_path}/missing.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"no graph")
    with pytest.raises(AutomaskError, match=r"broken\.onnx does not load in ONNX Runtime") as error:
        load_refiner(f"{broken},{broken}")
    assert "\n" not in str(error.value)


def test_unknown_inputs_are_listed(tmp_path):
    encoder, decoder = write_sam2(tmp_path).split(",")
    with pytest.raises(AutomaskError) as error:
        load_refiner(f"{decoder},{encoder}")
    line = str(error.value)
    assert f"{encoder} takes image and gives high_res_feats_0, image_embed" in line
    assert "point_coords, point_labels, mask_input, has_mask_input" in line
    assert "was their order encoder,decoder?" in line and "\n" not in line


def test_an_encoder_of_another_size_is_refused(tmp_path):
    write_sam(tmp_path)
    node = helper.make_node("Identity", ["x"], ["features"])
    save_graph(
        tmp_path / "small.onnx", [node], {"x": [1, 3, 512, 512]}, {"features": [1, 3, 512, 512]}, {}
    )
    with pytest.raises(AutomaskError, match=r"takes x of shape \[1, 3, 512, 512\]: known are"):
        load_refiner(f"{tmp_path / 'small.onnx'},{tmp_path / 'decoder.onnx'}")
