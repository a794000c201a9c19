"""Our conversions beside those of the real cv_bridge, and what it alone can do, where it works.

What differs on purpose: 8UC1 and 8UC4 are grey and BGRA pictures here, which cv_bridge leaves open;
16-bit Bayer patterns become 8 bits before colours, not after; rows may be padded by any number of
bytes; compressed pictures always have three channels of 8 bits.
"""

from __future__ import annotations

import array

import cv2
import numpy as np
import pytest
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.nodes import cv_bridge_fallback
from automask_ros.nodes.image_messages import to_array, to_compressed_message, to_message

if (problem := cv_bridge_fallback.problem()) is not None:
    pytest.skip(f"cv_bridge does not work here: {problem}", allow_module_level=True)

HEIGHT, WIDTH = 48, 64
OLD_NUMPY = int(np.__version__.partition(".")[0]) < 2
YUV = ("yuv422", "yuv422_yuy2", "uyvy", "yuyv")
PATTERNS = [f"bayer_{pattern}" for pattern in ("rggb", "bggr", "gbrg", "grbg")]
#: Encoding -> the shape of a pixel and the type of a sample.
ENCODINGS = {
    **dict.fromkeys(("bgr8", "rgb8"), ((3,), np.uint8)),
    **dict.fromkeys(("bgra8", "rgba8"), ((4,), np.uint8)),
    **dict.fromkeys(("bgr16", "rgb16"), ((3,), np.uint16)),
    **dict.fromkeys(YUV, ((2,), np.uint8)),
    **dict.fromkeys(("mono8", *(f"{pattern}8" for pattern in PATTERNS)), ((), np.uint8)),
    **dict.fromkeys(("mono16", *(f"{pattern}16" for pattern in PATTERNS)), ((), np.uint16)),
}


@pytest.fixture(scope="module")
def bridge():
    from cv_bridge import CvBridge

    return CvBridge()


def random_pixels(shape, dtype) -> np.ndarray:
    most = int(np.iinfo(dtype).max)
    return np.random.default_rng(0).integers(0, most, (HEIGHT, WIDTH, *shape), dtype, endpoint=True)


def message(encoding: str, pixels: np.ndarray, padding: int = 0, **changes) -> Image:
    rows = np.ascontiguousarray(pixels).reshape(len(pixels), -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAB)
    fields = {
        "encoding": encoding,
        "height": pixels.shape[0],
        "width": pixels.shape[1],
        "step": rows.shape[1],
        "is_bigendian": int(pixels.dtype.byteorder == ">"),
    }
    made = Image(**{**fields, **changes})
    made.data = array.array("B", rows.tobytes())
    return made


def tolerance(encoding: str) -> int:
    """How many levels of 256 may lie between: colours of 8 bits are rounded a second time."""
    return int(encoding.startswith("bayer") and encoding.endswith("16"))


def distance(one: np.ndarray, other: np.ndarray) -> int:
    assert one.shape == other.shape and one.dtype == other.dtype == np.uint8
    return int(cv2.absdiff(one, other).max())


# Twelve bytes are whole pixels of each encoding: where they are not, cv_bridge shears the picture.
@pytest.mark.parametrize("padding", [0, 12])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_raw_images(bridge, encoding, padding):
    from cv_bridge import CvBridgeError

    shape, dtype = ENCODINGS[encoding]
    sent = message(encoding, random_pixels(shape, dtype), padding)
    try:
        expected = bridge.imgmsg_to_cv2(sent, "bgr8")
    except CvBridgeError as error:
        pytest.skip(f"this cv_bridge does not know {encoding}: {error}")
    assert distance(to_array(sent), expected) <= tolerance(encoding)


@pytest.mark.parametrize("padding", [0, 12])
@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if name.endswith("16")])
def test_16_bits_in_the_other_byte_order(bridge, encoding, padding):
    shape, dtype = ENCODINGS[encoding]
    pixels = random_pixels(shape, dtype)
    other = message(encoding, pixels.astype(">u2"), padding)
    expected = bridge.imgmsg_to_cv2(message(encoding, pixels, padding), "bgr8")
    assert distance(to_array(other), expected) <= tolerance(encoding)
    if OLD_NUMPY:  # cv_bridge calls what NumPy 2 has no more
        assert distance(bridge.imgmsg_to_cv2(other, "bgr8"), expected) == 0


def test_all_levels_of_16_bits_are_rounded_alike(bridge):
    sent = message("mono16", np.arange(65536, dtype=np.uint16).reshape(256, 256))
    assert distance(to_array(sent), bridge.imgmsg_to_cv2(sent, "bgr8")) == 0


def test_plain_matrices_have_the_order_of_bgr(bridge):
    for encoding, shape in (("8UC1", ()), ("8UC3", (3,)), ("8UC4", (4,))):
        sent = message(encoding, random_pixels(shape, np.uint8), padding=12)
        as_sent = np.atleast_3d(bridge.imgmsg_to_cv2(sent))[..., :3]
        expected = np.broadcast_to(as_sent, (HEIGHT, WIDTH, 3))
        assert distance(to_array(sent), np.ascontiguousarray(expected)) == 0


def smooth() -> np.ndarray:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.dstack([rows * 5, columns * 3, 255 - rows * 5]).astype(np.uint8)


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp"])
def test_compressed_colour(bridge, suffix):
    sent = to_compressed_message(
        cv2.imencode(f".{suffix}", smooth())[1].tobytes(), suffix, Header()
    )
    assert distance(to_array(sent), bridge.compressed_imgmsg_to_cv2(sent, "bgr8")) == 0
    assert (
        distance(to_array(bridge.cv2_to_compressed_imgmsg(smooth(), suffix)), to_array(sent)) == 0
    )


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_compressed_grey_gets_three_channels(bridge, suffix):
    sent = bridge.cv2_to_compressed_imgmsg(smooth()[..., 0], suffix)
    expected = bridge.compressed_imgmsg_to_cv2(sent, "bgr8")
    assert expected.ndim == 2
    assert distance(to_array(sent), np.dstack([expected] * 3)) == 0


def test_compressed_alpha_and_16_bits_are_left_out(bridge):
    sent = bridge.cv2_to_compressed_imgmsg(np.dstack([smooth(), smooth()[..., :1]]), "png")
    assert distance(to_array(sent), bridge.compressed_imgmsg_to_cv2(sent, "bgr8")[..., :3]) == 0
    sent = bridge.cv2_to_compressed_imgmsg(random_pixels((3,), np.uint16), "png")
    expected = cv2.convertScaleAbs(bridge.compressed_imgmsg_to_cv2(sent), alpha=255 / 65535)
    assert distance(to_array(sent), expected) <= 1


def test_our_messages_are_those_of_cv_bridge(bridge):
    header = Header(frame_id="eye")
    for encoding, shape, dtype in (
        ("bgr8", (3,), np.uint8),
        ("mono8", (), np.uint8),
        ("mono16", (), np.uint16),
    ):
        pixels = random_pixels(shape, dtype)
        assert to_message(pixels, header) == bridge.cv2_to_imgmsg(pixels, encoding, header)


@pytest.mark.parametrize("encoding", ["rgba16", "bgra16"])
def test_cv_bridge_serves_what_is_not_ours(encoding):
    pixels = random_pixels((4,), np.uint16)
    expected = np.rint(pixels[..., :3] / 257.0).astype(np.uint8)
    if encoding == "rgba16":
        expected = np.ascontiguousarray(expected[..., ::-1])
    assert distance(to_array(message(encoding, pixels, padding=8)), expected) == 0
    other = message(encoding, pixels.astype(">u2"))
    if OLD_NUMPY:
        assert distance(to_array(other), expected) == 0
    else:
        with pytest.raises(AutomaskError, match="cv_bridge refuses it: .*newbyteorder"):
            to_array(other)


@pytest.mark.parametrize(
    "encoding", ["32FC1", "16SC1", "16UC1", "64FC4", "nv24", "i420", "", "8UC0"]
)
def test_what_cv_bridge_refuses_is_one_line(encoding):
    with pytest.raises(AutomaskError, match="publish one of: .*; cv_bridge refuses it: ") as caught:
        to_array(message(encoding, random_pixels((4,), np.uint16)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"step": 8 * WIDTH - 8}, r"cv_bridge makes \(48, 63, 3\) uint8 of 64x48 with step 504"),
        ({"step": 0}, "cv_bridge refuses it"),
        ({"height": HEIGHT + 1}, "cv_bridge refuses it: buffer is too small"),
        ({"height": 2**32 - 1}, "too large"),
        ({"width": 0}, "has no pixels"),
    ],
)
def test_a_damaged_message_does_not_get_through(changes, line):
    with pytest.raises(AutomaskError, match=line):
        to_array(message("rgba16", random_pixels((4,), np.uint16), **changes))


def test_random_fields_end_in_a_picture_of_their_size_or_one_error():
    random = np.random.default_rng(0)
    names = ["rgba16", "bgra16", "8SC3", "16SC3", "32FC3", "64FC1", "8UC512", "16UC99999", "32S"]
    outcomes = set()
    for _ in range(300):
        height, width, step = (int(number) for number in random.integers(0, (6, 6, 50)))
        sent = Image(encoding=str(random.choice(names)), height=height, width=width, step=step)
        sent.data = array.array("B", random.bytes(int(random.integers(0, 300))))
        sent.is_bigendian = int(random.integers(0, 2))
        try:
            picture = to_array(sent)
        except AutomaskError:
            outcomes.add("error")
        else:
            outcomes.add("picture")
            assert picture.shape == (height, width, 3) and picture.dtype == np.uint8
    assert outcomes == {"error", "picture"}
