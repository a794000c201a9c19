"""Serialized camera messages read in place: beside rclpy's deserializer, and when damaged."""

import array
import struct

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from library.bags import COMPRESSED, RAW, STORE
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from automask_ros.errors import AutomaskError
from automask_ros.nodes.image_messages import to_array, to_message
from automask_ros.nodes.serialized_images import read_compressed_image, read_image, write_image

LETTERS = list("abc/_ 09") + ["é", "日", "\U0001f916"]
ORDERS = pytest.mark.parametrize("little_endian", [True, False], ids=["little", "big"])


def random_text(random: np.random.Generator) -> str:
    return "".join(random.choice(LETTERS, random.integers(0, 12)))


def random_fields(random: np.random.Generator) -> dict:
    seconds = int(random.integers(-(2**31), 2**31))
    stamp = Time(sec=seconds, nanosec=int(random.integers(0, 2**32)))
    data = array.array("B", random.bytes(int(random.integers(0, 100))))
    return {"header": Header(stamp=stamp, frame_id=random_text(random)), "data": data}


def random_image(random: np.random.Generator) -> Image:
    height, width, step = (int(number) for number in random.integers(0, 2**32, 3))
    return Image(
        **random_fields(random),
        height=height,
        width=width,
        step=step,
        encoding=random_text(random),
        is_bigendian=int(random.integers(0, 256)),
    )


def random_compressed_image(random: np.random.Generator) -> CompressedImage:
    return CompressedImage(**random_fields(random), format=random_text(random))


KINDS = pytest.mark.parametrize(
    ("kind", "name", "read", "draw"),
    [
        (Image, RAW, read_image, random_image),
        (CompressedImage, COMPRESSED, read_compressed_image, random_compressed_image),
    ],
    ids=["raw", "compressed"],
)


def serialized(message, name: str, little_endian: bool) -> bytes:
    """By rclpy, or in the other byte order by rosbags."""
    data = serialize_message(message)
    if little_endian:
        return data
    return bytes(STORE.serialize_cdr(STORE.deserialize_cdr(data, name), name, little_endian=False))


@ORDERS
@KINDS
def test_all_fields_are_those_of_rclpy(kind, name, read, draw, little_endian):
    random = np.random.default_rng(0)
    for _ in range(200):
        message = draw(random)
        data = serialized(message, name, little_endian)
        found = read(data)
        assert deserialize_message(data, kind) == message
        for field in kind.get_fields_and_field_types():
            value = getattr(found, field)
            assert (bytes(value) if field == "data" else value) == (
                bytes(message.data) if field == "data" else getattr(message, field)
            )


def image(data: bytes = bytes(range(12)), **changes) -> Image:
    fields = {"encoding": "bgr8", "height": 2, "width": 2, "step": 6, **changes}
    return Image(header=Header(frame_id="eye"), data=array.array("B", data), **fields)


def test_the_pixels_are_looked_at_where_they_lie():
    data = serialize_message(image())
    found = read_image(data)
    assert found.data.readonly
    picture = to_array(found)
    assert np.shares_memory(picture, np.frombuffer(data, np.uint8))
    del found, data
    assert picture.tolist() == np.arange(12).reshape(2, 2, 3).tolist()


@ORDERS
@pytest.mark.parametrize("is_bigendian", [0, 1])
def test_the_byte_order_of_pixels_is_not_that_of_the_message(little_endian, is_bigendian):
    pixels = np.array([[0x0101, 0x8080]], ">u2" if is_bigendian else "<u2")
    fields = {"encoding": "mono16", "height": 1, "step": 4, "is_bigendian": is_bigendian}
    message = image(pixels.tobytes(), **fields)
    assert to_array(read_image(serialized(message, RAW, little_endian)))[0, :, 1].tolist() == [
        1,
        128,
    ]


def test_a_text_that_is_no_utf_8_is_read_as_by_rclpy():
    data = serialize_message(image()).replace(b"eye", b"\xe9y\xff")
    assert read_image(data).header == deserialize_message(data, Image).header


@ORDERS
@KINDS
def test_a_message_that_breaks_off_is_refused_wherever_it_does(
    kind, name, read, draw, little_endian
):
    message = draw(np.random.default_rng(1))
    message.data = array.array("B", b"123")
    data = serialized(message, name, little_endian).rstrip(b"\0")
    assert bytes(read(data).data) == b"123"
    for length in range(len(data)):
        with pytest.raises(AutomaskError, match=r"is damaged or no plain CDR: .*; check") as caught:
            read(data[:length])
        assert "\n" not in str(caught.value)


@KINDS
def test_no_length_reaches_beyond_the_message(kind, name, read, draw):
    data = serialize_message(draw(np.random.default_rng(2)))
    refused = 0
    for start in range(4, len(data) - 3):
        for length in (2**32 - 1, 2**31, len(data), len(data) - start - 3):
            damaged = data[:start] + struct.pack("<I", length) + data[start + 4 :]
            try:
                found = read(damaged)
            except AutomaskError:
                refused += 1
            else:
                assert len(found.data) <= len(data)
    assert refused > 20


@KINDS
def test_random_damage_never_raises_anything_else(kind, name, read, draw):
    random = np.random.default_rng(3)
    outcomes = set()
    for _ in range(2000):
        data = bytearray(serialize_message(draw(random)))
        places = random.integers(0, len(data), 3)
        for place in places:
            data[place] = int(random.choice([0, 1, 255, int(random.integers(256))]))
        try:
            outcomes.add(type(read(bytes(data))).__name__)
        except AutomaskError:
            outcomes.add("refused")
    assert outcomes == {"refused", f"Serialized{kind.__name__}"}


@pytest.mark.parametrize(
    ("damage", "line"),
    [
        (lambda data: b"", "it begins with nothing"),
        (lambda data: b"\x00\x01\x00", "it begins with 00 01 00"),
        (lambda data: b"\x00\x03" + data[2:], "it begins with 00 03 00 00"),
        (lambda data: b"\x00\x07" + data[2:], "it begins with 00 07 00 00"),
        (lambda data: data.replace(b"bgr8\0", b"bgr8!"), "does not end where it should"),
        (lambda data: data.replace(b"bgr8\0", b"b\0r8\0"), "does not end where it should"),
        (lambda data: data + bytes(4), "4 bytes are left behind its end"),
    ],
)
def test_what_is_no_plain_cdr_is_named(damage, line):
    with pytest.raises(AutomaskError, match=line):
        read_image(damage(serialize_message(image())))


def test_texts_have_bounds():
    """A frame's id is sent on with every detection, and written beside every view."""
    for field in ({"header": Header(frame_id="x" * 1023)}, {"encoding": "x" * 1023}):
        read_image(serialize_message(Image(**field)))
    for field in ({"header": Header(frame_id="x" * 1024)}, {"encoding": "x" * 1024}):
        with pytest.raises(AutomaskError, match="holds a text of 1025 bytes, where up to 1024"):
            read_image(serialize_message(Image(**field)))


def test_up_to_three_bytes_may_fill_the_last_word():
    for count in range(4):
        assert bytes(read_image(serialize_message(image()) + bytes(count)).data) == bytes(range(12))


def test_one_type_is_not_taken_for_the_other():
    compressed = CompressedImage(format="jpeg", data=array.array("B", bytes(range(40))))
    with pytest.raises(AutomaskError, match="a serialized Image is damaged"):
        read_image(serialize_message(compressed))
    with pytest.raises(AutomaskError, match="a serialized CompressedImage is damaged"):
        read_compressed_image(serialize_message(image()))


@pytest.mark.parametrize("frame_id", ["", "a", "eye", "camera_optical", "é日\U0001f916"])
@pytest.mark.parametrize("kind", ["mono8", "mono16", "bgr8", "mask", "rows with gaps", "empty"])
def test_what_is_written_is_what_rclpy_would_write(kind, frame_id):
    random = np.random.default_rng(0)
    pixels = {
        "mono8": random.integers(0, 256, (5, 7), np.uint8),
        "mono16": random.integers(0, 2**16, (5, 7), np.uint16),
        "bgr8": random.integers(0, 256, (5, 7, 3), np.uint8),
        "mask": random.random((5, 7)) < 0.5,
        "rows with gaps": random.integers(0, 256, (5, 9, 3), np.uint8)[:, 1:8],
        "empty": np.zeros((0, 0), np.uint16),
    }[kind]
    header = Header(stamp=Time(sec=-3, nanosec=2**32 - 1), frame_id=frame_id)
    written = write_image(pixels, header)
    message = to_message(pixels, header)
    assert deserialize_message(written, Image) == message
    # Not the bytes themselves: what fills up to the next number is whatever lay there.
    assert len(written) == len(serialize_message(message))
