"""What is found wrong has one of a few kinds, whatever a message holds."""

import base64
import struct
import zlib

import cv2
import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.depth_message import decode_depth
from automask_ros.library.image_file import decode_image_file, decode_mask
from automask_ros.library.image_message import decode_compressed, decode_image
from automask_ros.library.message_faults import BadMessage, Fault


def png(picture=None):
    picture = np.zeros((4, 4), np.uint8) if picture is None else picture
    return cv2.imencode(".png", picture)[1].tobytes()


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize(
    ("read", "kind"),
    [
        (lambda: decode_image("rgb9", 1, 1, 3, bytes(3)), Fault.ENCODING),
        (lambda: decode_image("bgr8", 0, 1, 3, bytes(3)), Fault.NO_PIXELS),
        (lambda: decode_image("bgr8", 9000, 9000, 3, bytes(3)), Fault.TOO_LARGE),
        (lambda: decode_image("mono8", 1, 32768, 32768, bytes(32768)), Fault.TOO_LARGE),
        (lambda: decode_image("yuyv", 1, 1, 3, bytes(3)), Fault.ODD),
        (lambda: decode_image("bgr8", 1, 2, 3, bytes(6)), Fault.STEP),
        (lambda: decode_image("bgr8", 1, 1, 3, bytes(2)), Fault.SHORT),
        (lambda: decode_depth("bgr8", 1, 1, 3, bytes(3)), Fault.ENCODING),
        (lambda: decode_compressed("x; compressedDepth", png()), Fault.DEPTH),
        (lambda: decode_compressed("png", b"GIF89a"), Fault.FORMAT),
        (lambda: decode_compressed("png", png()[:-4]), Fault.PICTURE),
        (lambda: decode_compressed("png", b""), Fault.PICTURE),
    ],
)
def test_each_fault_has_its_kind(read, kind):
    with pytest.raises(BadMessage) as caught:
        read()
    assert Fault.of(caught.value) is caught.value.kind is kind


def test_an_error_without_a_kind_is_another_one():
    assert Fault.of(AutomaskError("the disk is full")) is Fault.OTHER


def test_the_longest_side_is_taken():
    """OpenCV counts in 16 bits where it warps: what is longer never gets there."""
    assert decode_image("mono8", 1, 32767, 32767, bytes(32767)).shape == (1, 32767, 3)


#: A fuzzer found it: 110 bytes, of which OpenCV took two gigabytes of memory.
HUNGRY = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAcAAAAFCAAAAwBUDlb7//8AHklEQVQIHWNkYAYDRlFmMGDU4gYDRntmMGAMYQYDABPJ"
    "ATKmvtxpAAAAAElFTkSuQmCC"
)


@pytest.mark.parametrize("read", [decode_image_file, decode_mask])
@pytest.mark.parametrize(
    "data",
    [
        HUNGRY,
        png()[:33] + struct.pack(">I", 1 << 30) + png()[37:],
        png()[:-12] + chunk(b"tEXt", b"IEND\xaeB`\x82"),
        png()[:33] + chunk(b"\0\0\0\0", b"") * 3,
        png()[:33] + chunk(b"teXt", b"") * (1 << 17) + png()[33:],
    ],
    ids=["found", "gigabyte", "end in a text", "chunks without a kind", "chunks without end"],
)
def test_the_chunks_of_a_png_must_lead_to_its_end(read, data):
    with pytest.raises(BadMessage, match="it is damaged: (its data breaks|a checksum)") as caught:
        read(data, "it")
    assert caught.value.kind is Fault.PICTURE


def test_a_png_with_other_chunks_and_bytes_behind_its_end_is_read():
    picture = np.arange(16, dtype=np.uint8).reshape(4, 4)
    whole = png(picture)
    for data in (whole[:33] + chunk(b"teXt", b"a\0b") + whole[33:], whole + b"more"):
        assert np.array_equal(decode_image_file(data, "it")[..., 0], picture)
