"""The sample recording is whole: pictures, stamps and ground truth agree, from all sides."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pycocotools import mask as coco_mask
from rosbags.highlevel import AnyReader

from automask_ros.resources import sample_directory

SEQUENCES = ("teach_cup", "teach_bottle", "teach_can", "scenes")
IMAGES, INFO = "/camera/image/compressed", "/camera/camera_info"


@cache
def recording(sequence: str) -> dict[str, list[Any]]:
    """Messages by topic, in recorded order."""
    messages: dict[str, list[Any]] = {}
    with AnyReader([sample_directory() / sequence]) as reader:
        for connection, _, raw in reader.messages():
            message = reader.deserialize(raw, connection.msgtype)
            messages.setdefault(connection.topic, []).append(message)
    return messages


@cache
def truth(sequence: str) -> dict[str, Any]:
    text = (sample_directory() / f"{sequence}.json").read_text()
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def stamp_ns(message: Any) -> int:
    stamp = message.header.stamp
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def label_names(sequence: str) -> dict[int, str]:
    return {entry["id"]: entry["name"] for entry in truth(sequence)["categories"]}


@pytest.mark.parametrize(("sequence", "count"), [*((s, 60) for s in SEQUENCES[:3]), ("scenes", 66)])
def test_recordings_hold_pictures_with_their_camera(sequence: str, count: int) -> None:
    messages = recording(sequence)
    assert set(messages) == {IMAGES, INFO}
    assert len(messages[IMAGES]) == len(messages[INFO]) == count
    assert [stamp_ns(m) for m in messages[IMAGES]] == [stamp_ns(m) for m in messages[INFO]]
    first = messages[IMAGES][0]
    assert (first.format, first.header.frame_id) == ("jpeg", "camera_optical_frame")
    picture = cv2.imdecode(np.asarray(first.data), cv2.IMREAD_COLOR)
    info = messages[INFO][0]
    assert picture.shape == (info.height, info.width, 3) == (480, 640, 3)
    assert list(info.k) == [600.0, 0, 319.5, 0, 600.0, 239.5, 0, 0, 1]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_ground_truth_matches_the_recording(sequence: str) -> None:
    images = truth(sequence)["images"]
    assert [entry["stamp_ns"] for entry in images] == [
        stamp_ns(message) for message in recording(sequence)[IMAGES]
    ]
    assert [entry["file_name"] for entry in images] == [
        f"{sequence}_{index:04d}.jpg" for index in range(len(images))
    ]
    assert list(label_names(sequence).values()) == ["cup", "bottle", "can"]


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_masks_lie_inside_the_image_and_apart(sequence: str) -> None:
    for image in truth(sequence)["images"]:
        covered = np.zeros((480, 640), np.uint8)
        for entry in annotations_of(sequence, image["id"]):
            pixels = coco_mask.decode(entry["segmentation"])
            assert pixels.shape == (480, 640)
            assert int(pixels.sum()) == entry["area"]
            left, top, width, height = entry["bbox"]
            assert 0 <= left <= left + width <= 640
            assert 0 <= top <= top + height <= 480
            covered += pixels
        assert covered.max(initial=0) == 1


def annotations_of(sequence: str, image_id: int) -> list[dict[str, Any]]:
    return [entry for entry in truth(sequence)["annotations"] if entry["image_id"] == image_id]


@pytest.mark.parametrize("label", ["cup", "bottle", "can"])
def test_teaching_shows_one_object_from_all_sides(label: str) -> None:
    sequence = f"teach_{label}"
    entries = truth(sequence)["annotations"]
    assert len(entries) == len(truth(sequence)["images"])
    assert {label_names(sequence)[entry["category_id"]] for entry in entries} == {label}
    assert {entry["view"]["pose"] for entry in entries} == {"upright", "lying", "inverted"}
    assert {int(entry["view"]["yaw"] // 30) for entry in entries} == set(range(12))


def test_scenes_show_all_three_objects_at_all_rotations() -> None:
    names = label_names("scenes")
    seen = [
        {names[e["category_id"]] for e in annotations_of("scenes", image["id"]) if not e["iscrowd"]}
        for image in truth("scenes")["images"]
    ]
    assert np.mean([labels == {"cup", "bottle", "can"} for labels in seen]) >= 0.9
    for number, name in names.items():
        mine = [e["view"] for e in truth("scenes")["annotations"] if e["category_id"] == number]
        assert {view["pose"] for view in mine} == {"upright", "lying", "inverted"}, name
        assert {int(view["yaw"] // 45) for view in mine} == set(range(8)), name


def test_the_hole_of_the_cups_handle_is_open() -> None:
    def has_hole(entry: dict[str, Any]) -> bool:
        pixels = coco_mask.decode(entry["segmentation"])
        contours, tree = cv2.findContours(pixels, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        holes = [c for c, links in zip(contours, tree[0], strict=True) if links[3] >= 0]
        return any(cv2.contourArea(hole) >= 40 for hole in holes)

    assert sum(has_hole(entry) for entry in truth("teach_cup")["annotations"]) >= 15


def test_the_sample_keeps_to_its_size() -> None:
    files = [path for path in Path(sample_directory()).rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 12_000_000
