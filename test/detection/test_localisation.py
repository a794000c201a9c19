"""Points and boxes of things whose pose and size are known."""

import math

import cv2
import numpy as np
import pytest
from ray_casting import (
    Box,
    Camera,
    Cylinder,
    Sphere,
    Wall,
    cast,
    detections_of,
    measured,
    turned,
)

from automask_ros.detection.localisation import LEAST_POINTS, localise
from automask_ros.detection.pinhole import PinholeCamera
from automask_ros.errors import AutomaskError
from automask_ros.types import FARTHEST_DEPTH

CAMERA = Camera()
WALL = Wall(1.3)
UPON = ("x", 35)  # how a thing stands on a table that the camera looks down at
CRATE = Box((0.05, 0.02, 0.8), (0.10, 0.06, 0.08), turned(UPON, ("y", 30)))


def located(thing, *others, camera=CAMERA):
    """The one instance that is `thing`, seen beside others without noise."""
    depth, seen = cast(camera, thing, *others)
    (instance,) = localise(detections_of(seen == 0), depth, camera.pinhole)
    return instance


def matrix(quaternion):
    x, y, z, w = quaternion
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def degrees_between(axis, other):
    """The angle of two axes whose signs do not count."""
    return np.degrees(np.arccos(min(1, abs(axis @ other))))


def assert_box(box, centre, size, within=0.003):
    assert np.linalg.norm(box.centre - centre) < within
    assert np.abs(box.size - np.sort(size)[::-1]).max() < within


def assert_round_box(box, centre, size):
    """`size` is sorted, with the depth last: at its rim a round thing is deep in every pixel."""
    assert np.linalg.norm((box.centre - centre)[:2]) < 0.002
    assert abs(box.centre[2] - centre[2]) < 0.004
    assert np.abs(box.size - size)[:2].max() < 0.003
    assert abs(box.size[2] - size[2]) < 0.007


def assert_axes(box, thing, within=1.0):
    """The box's sides run along those of `thing` that are as long."""
    for place, axis in enumerate(np.argsort(thing.size)[::-1]):
        assert degrees_between(box.rotation[:, place], thing.rotation[:, axis]) < within


@pytest.mark.parametrize(
    "thing",
    [
        CRATE,
        Box((-0.1, -0.05, 0.7), (0.05, 0.09, 0.07), turned(("x", 50), ("y", 40))),
        Box((0.0, 0.0, 0.8), (0.09, 0.15, 0.07), turned(("y", 45))),
        Box((0.1, 0.0, 1.2), (0.08, 0.3, 0.12), turned(("z", 20), ("y", 50))),
    ],
    ids=["three faces", "three faces aside", "two faces", "two faces leaning"],
)
def test_a_box_of_which_two_or_three_faces_are_seen(thing):
    instance = located(thing, WALL)
    assert_box(instance.box, thing.centre, thing.size)
    assert_axes(instance.box, thing)


def test_a_cube_seen_over_its_corner():
    thing = Box((-0.05, 0.02, 0.7), (0.08, 0.08, 0.08), turned(UPON, ("y", 45)))
    box = located(thing, WALL).box
    assert_box(box, thing.centre, thing.size)
    for axis in box.rotation.T:
        assert min(degrees_between(axis, own) for own in thing.rotation.T) < 1


def test_of_a_box_seen_from_the_front_the_face_counts():
    thing = Box((0.0, 0.0, 0.825), (0.10, 0.15, 0.05), turned(("z", 30)))
    box = located(thing, WALL).box
    assert_box(box, (0.0, 0.0, 0.8), (0.15, 0.10, 0.0))
    assert_axes(box, thing)


def test_a_sheet_that_leans():
    thing = Box((0.05, 0.03, 0.8), (0.10, 0.15, 0.002), turned(("y", 40), ("z", 25)))
    box = located(thing, WALL).box
    assert_box(box, thing.centre, thing.size)
    assert_axes(box, thing)


@pytest.mark.parametrize("centre", [(0.0, 0.0, 0.6), (0.1, 0.05, 0.8), (-0.15, -0.1, 0.7)])
def test_of_a_ball_the_cap_counts_that_is_seen(centre):
    radius, distance = 0.04, float(np.linalg.norm(centre))
    box = located(Sphere(centre, radius), WALL).box
    width = 2 * radius * np.sqrt(1 - (radius / distance) ** 2)
    # From the nearest point to the circle along which rays touch the ball.
    nearest, touched = distance - radius, distance - radius**2 / distance
    middle = np.array(centre) / distance * (nearest + touched) / 2
    assert_round_box(box, middle, (width, width, touched - nearest))
    assert degrees_between(box.rotation[:, 2], middle / np.linalg.norm(middle)) < 10


def test_a_can_that_stands_on_a_table():
    thing = Cylinder((0.05, 0.0, 0.7), 0.033, 0.12, turned(UPON))
    box = located(thing, WALL).box
    assert_box(box, thing.centre, (0.12, 0.066, 0.066))
    assert degrees_between(box.rotation[:, 0], thing.rotation[:, 1]) < 2


def test_a_bottle_seen_from_the_side():
    thing = Cylinder((0.0, 0.0, 0.9), 0.04, 0.22, turned(("z", 10)))
    box = located(thing, WALL).box
    nearest, touched = 0.86, 0.9 - 0.04**2 / 0.9
    middle = (0.0, 0.0, (nearest + touched) / 2)
    width = 2 * 0.04 * np.sqrt(1 - (0.04 / 0.9) ** 2)
    assert_round_box(box, middle, (0.22, width, touched - nearest))
    assert degrees_between(box.rotation[:, 0], thing.rotation[:, 1]) < 1


@pytest.mark.parametrize("thing", [CRATE, Sphere((0.1, 0.0, 0.7), 0.04)], ids=["crate", "ball"])
def test_boxes_are_right_handed_and_look_at_the_camera(thing):
    box = located(thing, WALL).box
    assert np.allclose(box.rotation.T @ box.rotation, np.eye(3), atol=1e-6)
    assert np.linalg.det(box.rotation) == pytest.approx(1)
    assert np.allclose(matrix(box.quaternion), box.rotation, atol=1e-6)
    assert box.rotation[:, 2] @ box.centre < 0
    assert box.rotation[:, 0][np.argmax(np.abs(box.rotation[:, 0]))] > 0
    assert list(box.size) == sorted(box.size, reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_noise_and_flying_pixels(seed):
    depth, seen = cast(CAMERA, CRATE, Wall(1.0, (0.0, 0.8, 0.6)))
    noisy = measured(depth, seed)
    (instance,) = localise(detections_of(seen == 0), noisy, CAMERA.pinhole)
    assert_box(instance.box, CRATE.centre, CRATE.size, within=0.004)
    assert_axes(instance.box, CRATE, within=1.5)


@pytest.mark.parametrize("behind", [0.06, 0.3, 2.0])
def test_a_mask_that_reaches_beyond_the_object(behind):
    depth, seen = cast(CAMERA, CRATE, Wall(0.86 + behind))
    mask = cv2.dilate((seen == 0).astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    (instance,) = localise(detections_of(mask), depth, CAMERA.pinhole)
    assert_box(instance.box, CRATE.centre, CRATE.size)
    assert np.count_nonzero(seen == 0) == len(instance.points)


def test_what_is_seen_through_a_hole_is_left_out():
    rotation = turned(("y", 20))
    frame = [
        Box(tuple(rotation @ (x, y, 0) + (0, 0, 0.7)), size, rotation)
        for x, y, size in (
            (-0.07, 0, (0.02, 0.16, 0.02)),
            (0.07, 0, (0.02, 0.16, 0.02)),
            (0, -0.07, (0.16, 0.02, 0.02)),
            (0, 0.07, (0.16, 0.02, 0.02)),
        )
    ]
    depth, seen = cast(CAMERA, *frame, Wall(0.95))
    own = (seen >= 0) & (seen < 4)
    outlines, _ = cv2.findContours(own.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    filled = cv2.drawContours(np.zeros(depth.shape, np.uint8), outlines, -1, 1, -1).astype(bool)
    assert np.count_nonzero(filled & ~own) > 5000
    (instance,) = localise(detections_of(filled), depth, CAMERA.pinhole)
    assert instance.points[:, 2].max() < 0.75
    # But for what of the inner sides is seen too steeply.
    assert np.count_nonzero(own) * 0.9 < len(instance.points) <= np.count_nonzero(own)
    assert_box(instance.box, (0, 0, 0.7), (0.16, 0.16, 0.02), within=0.005)


def test_an_object_that_something_before_it_cuts_in_two():
    thing = Box((0.0, 0.0, 0.8), (0.2, 0.06, 0.05), turned(("y", 30)))
    bar = Box((0.0, 0.0, 0.6), (0.02, 0.3, 0.01), turned())
    depth, seen = cast(CAMERA, thing, bar, WALL)
    (instance,) = localise(detections_of(seen == 0), depth, CAMERA.pinhole)
    assert len(instance.points) == np.count_nonzero(seen == 0)
    assert_box(instance.box, thing.centre, thing.size)


def test_a_mask_over_what_stands_before_the_object():
    bar = Box((0.06, 0.0, 0.6), (0.02, 0.3, 0.01), turned())
    depth, seen = cast(CAMERA, CRATE, bar, WALL)
    covered = cast(CAMERA, CRATE)[1] == 0
    assert np.count_nonzero(covered & (seen == 1)) > 500
    (instance,) = localise(detections_of(covered), depth, CAMERA.pinhole)
    assert len(instance.points) == np.count_nonzero(seen == 0)


def test_points_lie_where_their_pixels_look():
    depth, seen = cast(CAMERA, CRATE, WALL)
    (instance,) = localise(detections_of(seen == 0), depth, CAMERA.pinhole)
    assert instance.points.shape == (np.count_nonzero(seen == 0), 3)
    assert instance.points.dtype == np.float32
    expected = (CAMERA.rays() * depth[..., None])[seen == 0]
    assert np.allclose(instance.points, expected, atol=1e-6)


def test_pixels_without_depth_have_no_points():
    depth, seen = cast(CAMERA, CRATE, WALL)
    random = np.random.default_rng(0).random(depth.shape)
    depth[random < 0.1] = np.nan
    depth[random > 0.9] = 0
    middle = int(np.flatnonzero((seen == 0).any(0)).mean())
    depth[:, middle - 3 : middle + 4] = np.nan
    (instance,) = localise(detections_of(seen == 0), depth, CAMERA.pinhole)
    measurable = np.count_nonzero((seen == 0) & (depth > 0))
    assert 0.99 * measurable < len(instance.points) <= measurable
    assert (instance.points[:, 2] > 0.7).all() and (instance.points[:, 2] < 0.9).all()
    assert_box(instance.box, CRATE.centre, CRATE.size, within=0.004)


@pytest.mark.parametrize("nothing", [3.4e38, 1e30, 1e20, 2000.0, np.inf, -1.0])
def test_numbers_that_stand_for_nothing_measured_have_no_points(nothing):
    depth, seen = cast(CAMERA, CRATE, WALL)
    middle = int(np.flatnonzero((seen == 0).any(0)).mean())
    depth[:, middle:] = nothing
    (instance,) = localise(detections_of(seen == 0), depth, CAMERA.pinhole)
    assert 0 < len(instance.points) <= np.count_nonzero((seen == 0)[:, :middle])
    assert instance.points[:, 2].max() < 1
    assert localise(detections_of(seen == 0), np.full_like(depth, nothing), CAMERA.pinhole) == []


def test_instances_without_depth_are_left_out_and_the_others_keep_their_index():
    ball = Sphere((-0.15, 0.0, 0.7), 0.03)
    depth, seen = cast(CAMERA, CRATE, ball, WALL)
    depth[seen == 0] = np.nan
    few = np.zeros(seen.shape, bool)
    few[400, : LEAST_POINTS - 1] = True
    enough = np.zeros(seen.shape, bool)
    enough[440, 40 : 40 + LEAST_POINTS] = True
    found = localise(
        detections_of(seen == 0, few, seen == 1, np.zeros(seen.shape, bool), enough),
        depth,
        CAMERA.pinhole,
    )
    assert [instance.index for instance in found] == [2, 4]
    assert np.linalg.norm(found[0].box.centre - (-0.15, 0, 0.7)) < 0.03
    assert found[1].points.shape == (LEAST_POINTS, 3)
    # A line of pixels is a line in space.
    assert found[1].box.size[0] == pytest.approx(1.3 / 600 * (LEAST_POINTS - 1), rel=1e-3)
    assert found[1].box.size[1:].max() < 1e-4


def test_no_detections():
    depth, _ = cast(CAMERA, WALL)
    assert localise(detections_of(np.zeros(depth.shape, bool)), depth, CAMERA.pinhole) == []


def test_many_at_once_are_as_one_by_one():
    things = [CRATE, Sphere((-0.15, 0.0, 0.7), 0.03), Cylinder((0.2, 0, 0.9), 0.04, 0.1, turned())]
    depth, seen = cast(CAMERA, *things, WALL)
    masks = [seen == index for index in range(3)]
    together = localise(detections_of(*masks), depth, CAMERA.pinhole)
    for mask, instance in zip(masks, together, strict=True):
        (alone,) = localise(detections_of(mask), depth, CAMERA.pinhole)
        assert np.allclose(alone.box.centre, instance.box.centre, atol=1e-5)
        assert np.allclose(alone.box.size, instance.box.size, atol=1e-5)
        assert np.array_equal(alone.points, instance.points)


@pytest.mark.parametrize(("height", "width"), [(240, 320), (720, 960), (360, 480)])
def test_depth_of_another_resolution(height, width):
    _, seen = cast(CAMERA, CRATE, WALL)
    other = Camera(height, width, 600.0 * width / 640)
    depth, _ = cast(other, CRATE, WALL)
    k = [600.0, 0, 319.5, 0, 600.0, 239.5, 0, 0, 1]
    camera = PinholeCamera.from_matrix(k, (480, 640), depth.shape)
    assert camera == other.pinhole
    (instance,) = localise(detections_of(seen == 0), depth, camera)
    assert_box(instance.box, CRATE.centre, CRATE.size, within=0.004)
    share = len(instance.points) / np.count_nonzero(seen == 0)
    assert share == pytest.approx(height * width / (480 * 640), rel=0.05)


def test_depth_of_another_view_is_refused():
    _, seen = cast(CAMERA, CRATE)
    depth = np.ones((720, 1280), np.float32)
    with pytest.raises(AutomaskError, match="1280x720 .* not the view .* 640x480: remap depth"):
        localise(detections_of(seen == 0), depth, CAMERA.pinhole)


def test_a_camera_without_calibration_is_refused():
    with pytest.raises(AutomaskError, match="no focal length .*: calibrate the camera"):
        PinholeCamera.from_matrix([0.0] * 9, (480, 640), (480, 640))
    with pytest.raises(AutomaskError, match="no focal length"):
        PinholeCamera.from_matrix([np.nan] * 9, (480, 640), (480, 640))


@pytest.mark.parametrize(
    "absurd",
    [
        {"fx": 1e-30},
        {"fy": 1e-3},
        {"fx": 1e30, "fy": 1e30},
        {"fx": 1e300},
        {"fy": math.inf},
        {"cx": 1e30},
        {"cy": -1e300},
        {"cx": math.nan},
        {"cy": math.inf},
    ],
    ids=str,
)
def test_a_camera_that_there_cannot_be_is_refused_in_one_line(absurd):
    given = {"fx": 600.0, "fy": 600.0, "cx": 320.0, "cy": 240.0} | absurd
    k = [given["fx"], 0, given["cx"], 0, given["fy"], given["cy"], 0, 0, 1]
    for size in ((480, 640), (0, 0)):
        with pytest.raises(AutomaskError, match="^camera_info .*: calibrate the camera$"):
            PinholeCamera.from_matrix(k, size, (480, 640))


def test_a_size_that_no_picture_has_is_refused():
    k = [600.0, 0, 320.0, 0, 600.0, 240.0, 0, 0, 1]
    with pytest.raises(AutomaskError, match="4294967295x480 pixels"):
        PinholeCamera.from_matrix(k, (480, 2**32 - 1), (480, 640))


@pytest.mark.parametrize("focal_length", [20.0, 600.0, 1e5])
def test_points_of_the_widest_and_the_narrowest_view_are_finite(focal_length):
    k = [focal_length, 0, 40 * 640, 0, focal_length, -40 * 480, 0, 0, 1]
    camera = PinholeCamera.from_matrix(k, (480, 640), (480, 640))
    depth = np.full((480, 640), FARTHEST_DEPTH, np.float32)
    (instance,) = localise(detections_of(np.ones(depth.shape, bool)), depth, camera)
    assert np.isfinite(instance.points).all()
    assert np.isfinite(instance.box.quaternion).all() and np.isfinite(instance.box.size).all()


def test_a_camera_info_without_a_size_holds_for_the_picture():
    k = [500.0, 0, 300.0, 0, 510.0, 200.0, 0, 0, 1]
    assert PinholeCamera.from_matrix(k, (0, 0), (480, 640)) == PinholeCamera(500, 510, 300, 200)
