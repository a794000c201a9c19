import json

import numpy as np
import pytest
from pycocotools import mask as rle_tools

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import encode_mask, mask_of, read_coco


def content(segmentation, **fields) -> dict:
    return {
        "images": [{"id": 7, "file_name": "photos/cup 1.jpg", "width": 20, "height": 10}],
        "categories": [{"id": 3, "name": "cup"}, {"id": 1, "name": "can"}],
        "annotations": [
            {"id": 5, "image_id": 7, "category_id": 3, "segmentation": segmentation, **fields}
        ],
    }


def written(tmp_path, data):
    path = tmp_path / "coco.json"
    path.write_text(data if isinstance(data, str) else json.dumps(data))
    return path


def blob() -> np.ndarray:
    pixels = np.zeros((10, 20), bool)
    pixels[2:7, 5:12] = True
    pixels[8, 0:20:3] = True
    return pixels


BOX = [4, 2, 12, 2, 12, 8, 4, 8]


def test_a_polygon_becomes_its_pixels(tmp_path):
    coco = read_coco(written(tmp_path, content([BOX])))
    expected = np.zeros((10, 20), bool)
    expected[2:8, 4:12] = True
    assert np.array_equal(coco.mask_of("cup_1", "cup"), expected)
    assert np.array_equal(mask_of(coco, "cup_1", "cup"), expected)
    assert coco.labels == ["can", "cup"]


def test_what_is_not_there_has_no_mask(tmp_path):
    coco = read_coco(written(tmp_path, content([BOX])))
    assert coco.mask_of("cup_1", "can") is None
    assert coco.mask_of("cup_2", "cup") is None


def test_several_polygons_and_annotations_are_united(tmp_path):
    data = content([[0, 0, 2, 0, 2, 2, 0, 2], BOX])
    data["annotations"].append({**data["annotations"][0], "id": 6})
    data["annotations"][1]["segmentation"] = [[18, 8, 20, 8, 20, 10, 18, 10]]
    pixels = read_coco(written(tmp_path, data)).mask_of("cup_1", "cup")
    assert pixels.sum() == 4 + 48 + 4
    assert pixels[0, 0] and pixels[9, 19] and pixels[5, 5]


def uncompressed(pixels: np.ndarray) -> dict:
    flat = pixels.T.reshape(-1).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat]))).tolist()
    counts = np.diff([0, *edges, flat.size]).tolist()
    return {"size": list(pixels.shape), "counts": counts}


@pytest.mark.parametrize("encode", [encode_mask, uncompressed])
@pytest.mark.parametrize(
    "pixels", [blob(), ~blob(), np.zeros((10, 20), bool), np.ones((10, 20), bool)]
)
def test_run_lengths_of_both_kinds(tmp_path, encode, pixels):
    coco = read_coco(written(tmp_path, content(encode(pixels))))
    assert np.array_equal(coco.mask_of("cup_1", "cup"), pixels)


def test_random_masks_survive_compressed_run_lengths(tmp_path):
    random = np.random.default_rng(0)
    for share in (0.02, 0.3, 0.5, 0.9):
        pixels = random.random((10, 20)) < share
        coco = read_coco(written(tmp_path, content(encode_mask(pixels))))
        assert np.array_equal(coco.mask_of("cup_1", "cup"), pixels)


def test_pycocotools_takes_the_set(tmp_path):
    data = read_coco(written(tmp_path, content(encode_mask(blob())))).to_dict()
    assert rle_tools.area(data["annotations"][0]["segmentation"]) == blob().sum()
    assert data["images"][0]["file_name"] == "photos/cup 1.jpg"


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AutomaskError, match="nothing.json does not exist"):
        read_coco(tmp_path / "nothing.json")


@pytest.mark.parametrize("data", ["", "{", "[]", "{}", '{"annotations": []}', "null"])
def test_other_files_are_refused(tmp_path, data):
    with pytest.raises(AutomaskError, match="coco.json"):
        read_coco(written(tmp_path, data))


@pytest.mark.parametrize(
    ("segmentation", "fields", "message"),
    [
        ([], {}, "annotation 5 has no polygon"),
        ([[1, 2, 3, 4]], {}, "at least three points"),
        ([[1, 2, 3, 4, 5, 6, 7]], {}, "at least three points"),
        ([[1, 2, 3, 4, 5, 1e9]], {}, "far outside its image"),
        ([[-40, 0, 40, 1] * 40_000], {}, "longer than 5 million pixels"),
        ([[1, 2, 3, 4, 5, float("nan")]], {}, "annotations.0.segmentation"),
        ("text", {}, "annotations.0.segmentation"),
        ([BOX], {"image_id": 8}, "belongs to image 8, which is missing"),
        ([BOX], {"category_id": 8}, "belongs to category 8, which is missing"),
        ({"size": [20, 10], "counts": [200]}, {}, "not for its image"),
        ({"size": [10, 20], "counts": [100]}, {}, "do not cover its image"),
        ({"size": [10, 20], "counts": [2**40]}, {}, "do not cover its image"),
        ({"size": [10, 20], "counts": [300, -100]}, {}, "do not cover its image"),
        ({"size": [10, 20], "counts": []}, {}, "do not cover its image"),
        ({"size": [10, 20], "counts": "ooooooooo"}, {}, "do not cover its image"),
        ({"size": [10, 20], "counts": "\n ü"}, {}, "do not cover its image"),
    ],
)
def test_wrong_annotations_are_named(tmp_path, segmentation, fields, message):
    with pytest.raises(AutomaskError, match=message) as caught:
        read_coco(written(tmp_path, content(segmentation, **fields)))
    assert "\n" not in str(caught.value)


def test_ambiguous_ids_and_names_are_refused(tmp_path):
    data = content([BOX])
    data["images"].append({**data["images"][0], "id": 8, "file_name": "more/cup_1.png"})
    with pytest.raises(AutomaskError, match="two images have the same file name"):
        read_coco(written(tmp_path, data))
    data["images"][1]["id"] = 7
    with pytest.raises(AutomaskError, match="the same id"):
        read_coco(written(tmp_path, data))


def test_an_image_beyond_all_measure_is_refused(tmp_path):
    data = content([BOX])
    data["images"][0]["width"] = 10**9
    with pytest.raises(AutomaskError, match="larger than this package takes"):
        read_coco(written(tmp_path, data))
