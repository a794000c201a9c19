"""Which camera a sensor_msgs/CameraInfo describes, for pictures that are rectified."""

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, RegionOfInterest

from automask_ros.detection.pinhole import PinholeCamera
from automask_ros.errors import AutomaskError
from automask_ros.nodes.depth_subscription import camera_of

K = [600.0, 0.0, 320.0, 0.0, 610.0, 240.0, 0.0, 0.0, 1.0]
P = [540.0, 0.0, 330.0, -20.0, 0.0, 545.0, 238.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def info(**fields):
    return CameraInfo(**{"height": 480, "width": 640, "k": K, "p": P, **fields})


def test_a_rectified_picture_is_that_of_p():
    bent = info(d=[-0.3, 0.1, 0.0, 0.0, 0.0])
    assert camera_of(bent, (480, 640)) == PinholeCamera(540.0, 545.0, 330.0, 238.0)


@pytest.mark.parametrize("first", [0.0, -1.0, np.nan])
def test_k_stands_in_where_there_is_no_p(first):
    assert camera_of(info(p=[first] + [0.0] * 11), (480, 640)) == PinholeCamera(600, 610, 320, 240)


def test_neither_is_one_line():
    with pytest.raises(AutomaskError, match="^camera_info has no focal length .*: calibrate"):
        camera_of(info(k=[0.0] * 9, p=[0.0] * 12), (480, 640))
    with pytest.raises(AutomaskError, match="^camera_info has no focal length .*: calibrate"):
        camera_of(info(p=[540.0] + [0.0] * 11), (480, 640))


def test_of_pictures_of_another_shape_it_is_none():
    for size in ((720, 1280), (640, 480)):
        with pytest.raises(AutomaskError, match=r"^camera_info of 640x480 .*: calibrate"):
            camera_of(info(), size)
    roi = RegionOfInterest(x_offset=100, y_offset=40, height=240, width=300)
    with pytest.raises(AutomaskError, match=r"^camera_info of 300x240 .* of 640x480: calibrate"):
        camera_of(info(roi=roi), (480, 640))


def test_rows_alone_may_be_binned():
    wide = camera_of(info(binning_x=1, binning_y=2), (240, 640))
    assert wide == PinholeCamera(540.0, 272.5, 330.0, 118.75)


def test_of_the_sensor_the_picture_shows_the_region_of_interest():
    cut = info(roi=RegionOfInterest(x_offset=100, y_offset=40, height=240, width=320))
    assert camera_of(cut, (240, 320)) == PinholeCamera(540.0, 545.0, 230.0, 198.0)


def test_binned_pictures_see_the_same_with_fewer_pixels():
    whole = camera_of(info(binning_x=2, binning_y=2), (240, 320))
    assert whole == PinholeCamera(270.0, 272.5, 164.75, 118.75)
    roi = RegionOfInterest(x_offset=100, y_offset=40, height=240, width=320)
    cut = camera_of(info(binning_x=2, binning_y=2, roi=roi), (120, 160))
    assert cut == PinholeCamera(270.0, 272.5, 114.75, 98.75)
