import array
import struct
import zlib

import cv2
import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import decode_image_file
from automask_ros.library.image_message import (
    UnknownEncoding,
    decode_compressed,
    decode_image,
    image_fields,
)

# Two rows of two pixels in BGR: blue, green / red, a mixed colour.
BGR = np.array([[[255, 0, 0], [0, 255, 0]], [[0, 0, 255], [10, 20, 30]]], np.uint8)
ALPHA = np.full((2, 2, 1), 7, np.uint8)
GREY = np.array([[0, 1, 128], [254, 255, 77]], np.uint8)


def packed(rows: np.ndarray, padding: int = 0, filler: int = 0xAB) -> tuple[int, bytes]:
    """(step, data) of rows with some bytes of padding behind each."""
    flat = rows.reshape(len(rows), -1).view(np.uint8)
    padded = np.pad(flat, ((0, 0), (0, padding)), constant_values=filler)
    return padded.shape[1], padded.tobytes()


@pytest.mark.parametrize("padding", [0, 1, 5, 64])
@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("bgr8", BGR),
        ("8UC3", BGR),
        ("rgb8", BGR[..., ::-1]),
        ("bgra8", np.dstack([BGR, ALPHA])),
        ("8UC4", np.dstack([BGR, ALPHA])),
        ("rgba8", np.dstack([BGR[..., ::-1], ALPHA])),
    ],
)
def test_colour_encodings_with_row_padding(encoding, pixels, padding):
    step, data = packed(np.ascontiguousarray(pixels), padding)
    image = decode_image(encoding, 2, 2, step, data)
    assert image.dtype == np.uint8
    assert np.array_equal(image, BGR)
    in_place = encoding in ("bgr8", "8UC3")
    assert np.shares_memory(image, np.frombuffer(data, np.uint8)) == in_place
    assert image.flags.writeable != in_place
    assert image.flags.c_contiguous or (in_place and padding)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
@pytest.mark.parametrize("padding", [0, 1, 3])
def test_grey_becomes_three_equal_channels(encoding, padding):
    step, data = packed(GREY, padding)
    image = decode_image(encoding, 2, 3, step, data)
    assert np.array_equal(image, np.dstack([GREY] * 3))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("padding", [0, 2, 3])
def test_mono16_in_both_byte_orders_is_rounded_to_8_bits(order, padding):
    values = np.array([[0, 257, 0x8080], [65535, 128, 129]], f"{order}u2")
    step, data = packed(values, padding)
    image = decode_image("mono16", 2, 3, step, data, is_bigendian=order == ">")
    assert image[..., 0].tolist() == [[0, 1, 128], [255, 0, 1]]
    assert np.array_equal(image[..., 0], image[..., 2])


@pytest.mark.parametrize("order", ["<", ">"])
def test_16_bit_colour(order):
    values = (BGR[..., ::-1].astype(np.uint16) * 257).astype(f"{order}u2")
    step, data = packed(np.ascontiguousarray(values), 4)
    assert np.array_equal(decode_image("rgb16", 2, 2, step, data, order == ">"), BGR)
    assert decode_image("bgr16", 2, 2, step, data, order == ">")[0, 0].tolist() == [0, 0, 255]


@pytest.mark.parametrize(
    ("encoding", "order"),
    [("yuv422", "uyvy"), ("uyvy", "uyvy"), ("yuv422_yuy2", "yuyv"), ("yuyv", "yuyv")],
)
def test_yuv422(encoding, order):
    """Red in BT.601 (Y 81, U 90, V 240), then grey (Y 126)."""
    red = {"y": 81, "u": 90, "v": 240}
    grey = {"y": 126, "u": 128, "v": 128}
    row = [colour[letter] for colour in (red, grey) for letter in order]
    step, data = packed(np.array([row, row], np.uint8), 3)
    image = decode_image(encoding, 2, 4, step, data).astype(int)
    assert np.abs(image[:, :2] - (0, 0, 255)).max() <= 3
    assert np.abs(image[:, 2:] - 128).max() <= 2


@pytest.mark.parametrize("encoding", ["nv12", "nv21"])
def test_nv12_and_nv21(encoding):
    colours = (90, 240) if encoding == "nv12" else (240, 90)
    rows = np.vstack([np.full((2, 4), 81), [[*colours, *colours]]]).astype(np.uint8)
    step, data = packed(rows, 4)
    image = decode_image(encoding, 2, 4, step, data).astype(int)
    assert image.shape == (2, 4, 3)
    assert np.abs(image - (0, 0, 255)).max() <= 3


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
def test_bayer_patterns_of_a_plain_colour(pattern, depth):
    colour = {"b": 30, "g": 120, "r": 210}
    cell = np.array([[colour[letter] for letter in pattern[row : row + 2]] for row in (0, 2)])
    mosaic = np.tile(cell, (4, 4)).astype(np.uint8)
    if depth == 16:
        mosaic = (mosaic.astype("<u2") * 257).astype("<u2")
    step, data = packed(mosaic, 2)
    image = decode_image(f"bayer_{pattern}{depth}", 8, 8, step, data)
    assert (image == (30, 120, 210)).all()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "array", "ndarray", "list"])
def test_data_may_be_any_bytes(kind):
    step, data = packed(BGR)
    converters = {
        "array": lambda raw: array.array("B", raw),
        "ndarray": lambda raw: np.frombuffer(raw, np.uint8),
        "list": list,
    }
    held = converters[kind](data) if isinstance(kind, str) else kind(data)
    assert np.array_equal(decode_image("bgr8", 2, 2, step, held), BGR)


@pytest.mark.parametrize("padding", [0, 5])
def test_a_bgr_image_is_a_read_only_view_that_holds_the_message(padding):
    step, packed_bytes = packed(BGR, padding)
    data = bytearray(packed_bytes)
    image = decode_image("bgr8", 2, 2, step, data)
    data[0] = 7
    assert image[0, 0, 0] == 7
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 0
    with pytest.raises(BufferError):
        data.clear()
    del image
    data.clear()


def test_other_images_do_not_hold_the_message():
    data = bytearray(BGR.tobytes())
    image = decode_image("rgb8", 2, 2, 6, data)
    data.clear()
    assert np.array_equal(image, BGR[..., ::-1])


def test_the_last_rows_padding_may_be_missing():
    step, data = packed(BGR, 10)
    assert np.array_equal(decode_image("bgr8", 2, 2, step, data[:-10]), BGR)
    with pytest.raises(AutomaskError, match="holds 21 bytes, but 2x2 needs 22 with step 16"):
        decode_image("bgr8", 2, 2, step, data[:-11])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("32FC1", 2, 2, 8, b""), "encoding '32FC1' is not supported; publish one of: .*bgr8"),
        (("", 2, 2, 8, b""), "encoding '' is not supported"),
        (("x\n" * 500, 2, 2, 8, b""), "is not supported"),
        (("bgr8", 0, 2, 6, b""), r"the bgr8 image has no pixels \(2x0\)"),
        (("bgr8", 2, 0, 0, b""), "no pixels"),
        (("bgr8", -1, 2, 6, b""), "no pixels"),
        (("bgr8", 2**31, 2**31, 2**33, b""), "is too large"),
        (("mono8", 8193, 8192, 8192, b""), "is too large .*at most 64 Mpixel"),
        (("bgr8", 2, 2, 5, BGR.tobytes()), r"step of 5 bytes is less than a row .*\(6 bytes\)"),
        (("bgr8", 2, 2, 0, BGR.tobytes()), "step of 0 bytes"),
        (("bgr8", 2, 2, 6, b""), "holds 0 bytes, but 2x2 needs 12"),
        (("bgr8", 2, 2, 6, BGR.tobytes()[:-1]), "holds 11 bytes, but 2x2 needs 12"),
        (("bgr8", 2, 2, 2**32 - 1, BGR.tobytes()), "holds 12 bytes"),
        (("yuv422", 2, 3, 6, bytes(12)), r"odd width \(3\)"),
        (("nv12", 3, 2, 2, bytes(12)), r"odd height \(3\)"),
        (("bayer_rggb8", 3, 2, 2, bytes(12)), "odd height"),
    ],
)
def test_faults_are_one_clear_line(arguments, message):
    with pytest.raises(AutomaskError, match=message) as caught:
        decode_image(*arguments)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert isinstance(caught.value, UnknownEncoding) == ("not supported" in message)


def smooth(height=60, width=80) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.dstack([rows * 3, columns * 2, 255 - rows * 2]).astype(np.uint8)


@pytest.mark.parametrize(("suffix", "most"), [("jpg", 8), ("png", 0), ("bmp", 0), ("webp", 12)])
def test_compressed_formats(suffix, most):
    data = cv2.imencode(f".{suffix}", smooth())[1]
    for held in (data, data.tobytes(), array.array("B", data.tobytes())):
        image = decode_compressed(f"bgr8; {suffix} compressed bgr8", held)
        assert image.shape == (60, 80, 3)
        assert np.abs(image.astype(int) - smooth()).max() <= most


def test_a_camera_is_not_turned_as_a_photograph_is():
    """EXIF orientation 6: the top of the picture is on the right."""
    data = cv2.imencode(".jpg", smooth())[1].tobytes()
    entry = struct.pack(">HHI", 0x0112, 3, 1) + struct.pack(">HH", 6, 0)
    exif = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    turned = data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:]
    assert decode_image_file(turned, "the photograph").shape == (80, 60, 3)
    assert np.array_equal(decode_compressed("jpeg", turned), decode_compressed("jpeg", data))


def test_a_grey_jpeg_becomes_three_channels():
    data = cv2.imencode(".jpg", smooth()[..., 0])[1]
    assert decode_compressed("jpeg", data).shape == (60, 80, 3)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 0.99])
def test_truncated_images_are_refused(suffix, share):
    data = cv2.imencode(f".{suffix}", np.kron(smooth(), np.ones((2, 2, 1), np.uint8)))[1].tobytes()
    with pytest.raises(AutomaskError, match="is damaged|is empty|is no JPEG") as caught:
        decode_compressed("jpeg", data[: int(share * len(data))])
    assert "\n" not in str(caught.value)


def test_a_thumbnail_in_a_truncated_jpeg_does_not_hide_the_fault():
    data = cv2.imencode(".jpg", smooth())[1].tobytes()
    thumbnail = cv2.imencode(".jpg", smooth(16, 16))[1].tobytes()
    segment = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = data[:2] + segment + data[2:]
    assert decode_compressed("jpeg", whole).shape == (60, 80, 3)
    with pytest.raises(AutomaskError, match="its data breaks off"):
        decode_compressed("jpeg", whole[:-40])


def test_a_jpeg_may_have_bytes_behind_its_end():
    data = cv2.imencode(".jpg", smooth())[1].tobytes()
    assert decode_compressed("jpeg", data + bytes(500)).shape == (60, 80, 3)


def test_a_decompression_bomb_is_refused_by_its_header():
    def chunk(kind: bytes, body: bytes) -> bytes:
        checked = kind + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(999)))
    with pytest.raises(AutomaskError, match="too large"):
        decode_compressed("png", png + chunk(b"IEND", b""))
    jpeg = bytearray(cv2.imencode(".jpg", smooth())[1].tobytes())
    at = jpeg.index(b"\xff\xc0") + 5
    jpeg[at : at + 4] = b"\xff\xff\xff\xff"
    with pytest.raises(AutomaskError, match="too large"):
        decode_compressed("jpeg", jpeg)


def test_what_is_no_image_is_refused():
    with pytest.raises(AutomaskError, match="is no JPEG, PNG, BMP or WebP image"):
        decode_compressed("jpeg", b"hello, this is text")
    with pytest.raises(AutomaskError, match="depth image"):
        decode_compressed("16UC1; compressedDepth png", b"")


def test_random_bytes_behind_a_good_beginning_never_raise_anything_else():
    random = np.random.default_rng(0)
    beginnings = [cv2.imencode(f".{kind}", smooth())[1] for kind in ("jpg", "png", "webp", "bmp")]
    for round_ in range(200):
        data = beginnings[round_ % 4].copy()
        places = random.integers(0, len(data), 8)
        data[places] = random.integers(0, 256, 8)
        try:
            image = decode_compressed("jpeg", data)
        except AutomaskError:
            continue
        assert image.ndim == 3


def test_image_fields_and_decode_image_are_each_others_inverse():
    assert np.array_equal(decode_image(**image_fields(BGR)), BGR)
    assert np.array_equal(decode_image(**image_fields(GREY))[..., 0], GREY)
    mask = GREY > 100
    assert np.array_equal(decode_image(**image_fields(mask))[..., 0], mask * 255)
    instances = np.array([[0, 1, 65535]], np.uint16)
    fields = image_fields(instances)
    assert (fields["encoding"], fields["step"], fields["height"]) == ("mono16", 6, 1)
    assert np.array_equal(np.frombuffer(fields["data"], np.uint16), instances[0])
    view = np.dstack([BGR] * 2)[..., :3]
    assert np.array_equal(decode_image(**image_fields(view)), BGR)
    padded = decode_image("bgr8", 2, 2, *packed(BGR, 5))
    assert np.array_equal(decode_image(**image_fields(padded)), BGR)
    with pytest.raises(ValueError, match="no encoding"):
        image_fields(np.zeros((2, 2), np.float32))
