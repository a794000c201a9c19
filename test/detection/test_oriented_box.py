"""Boxes around points that no camera would see so, and turns as quaternions."""

import numpy as np
import pytest
from ray_casting import turned

from automask_ros.detection.oriented_box import OrientedBox, fit_boxes


def quaternion(rotation):
    return np.array(OrientedBox(np.zeros(3), rotation, np.ones(3)).quaternion)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("degrees", [0, 1e-3, 30, 90, 179.9, 180, -120])
def test_a_turn_about_an_axis_as_a_quaternion(axis, degrees):
    half = np.radians(degrees) / 2
    expected = np.array([np.sin(half) * (axis == own) for own in "xyz"] + [np.cos(half)])
    found = quaternion(turned((axis, degrees)))
    assert np.allclose(found, expected, atol=1e-6) or np.allclose(found, -expected, atol=1e-6)


def test_turns_about_any_axis():
    random = np.random.default_rng(0)
    for _ in range(50):
        expected = random.normal(size=4)
        x, y, z, w = expected = expected / np.linalg.norm(expected)
        rotation = np.array(
            [
                [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
                [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
                [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
            ]
        )
        assert abs(quaternion(rotation) @ expected) == pytest.approx(1, abs=1e-6)


def test_no_clouds():
    assert fit_boxes([]) == []


def test_a_box_holds_all_points_of_its_cloud():
    random = np.random.default_rng(1)
    clouds = [
        (random.normal(size=(3, count)) * [[0.1], [0.05], [0.02]] + [[0], [0], [1]]).astype("f4")
        for count in (3, 20, 500, 5000)
    ]
    for cloud, box in zip(clouds, fit_boxes(clouds), strict=True):
        along = box.rotation.T @ (cloud - box.centre[:, None])
        assert np.allclose(along.max(1), box.size / 2, atol=1e-6)
        assert np.allclose(along.min(1), -box.size / 2, atol=1e-6)


@pytest.mark.parametrize("extent", [(0.0, 0.0, 0.0), (0.1, 0.0, 0.0), (0.1, 0.05, 0.0)])
def test_points_lines_and_faces_have_boxes_too(extent):
    place = np.random.default_rng(2).uniform(-0.5, 0.5, (3, 200))
    place[:, :2] = [[-0.5, 0.5]] * 3
    rotation = turned(("x", 50), ("y", 20), ("z", 10))
    cloud = rotation @ (place * np.array(extent)[:, None]) + [[0.1], [0.2], [0.7]]
    (box,) = fit_boxes([cloud.astype(np.float32)])
    assert np.allclose(box.centre, (0.1, 0.2, 0.7), atol=1e-3)
    assert np.linalg.det(box.rotation) == pytest.approx(1)
    assert box.size[0] >= extent[0] - 1e-4 and np.prod(box.size) < 1e-7
