import array

import numpy as np
import pytest

from automask_ros.errors import AutomaskError
from automask_ros.library.depth_message import decode_depth
from automask_ros.types import FARTHEST_DEPTH

METRES = np.array([[0.5, 1.234, 65.535], [0.001, 2.0, 10.0]])


def packed(values: np.ndarray, kind: str, padding: int = 0) -> tuple[int, bytes]:
    """(step, data) of rows of numbers with some bytes of padding behind each."""
    rows = np.ascontiguousarray(values.astype(kind)).view(np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding)), constant_values=0xAB)
    return padded.shape[1], padded.tobytes()


@pytest.mark.parametrize("padding", [0, 1, 4, 7])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("encoding", "kind", "unit"), [("16UC1", "u2", 1e3), ("mono16", "u2", 1e3), ("32FC1", "f4", 1)]
)
def test_encodings_byte_orders_and_row_padding(encoding, kind, unit, order, padding):
    values = np.round(METRES * unit) if kind == "u2" else METRES * unit
    step, data = packed(values, order + kind, padding)
    depth = decode_depth(encoding, 2, 3, step, data, is_bigendian=order == ">")
    assert depth.dtype == np.float32 and depth.dtype.isnative
    assert depth.flags.c_contiguous and depth.flags.writeable
    assert np.allclose(depth, METRES, rtol=1e-6)


def test_both_encodings_give_the_same_metres():
    millimetres = np.random.default_rng(0).integers(0, 65536, (48, 64))
    as_integers = decode_depth("16UC1", 48, 64, 128, packed(millimetres, "<u2")[1])
    as_floats = decode_depth("32FC1", 48, 64, 256, packed(millimetres / 1000, "<f4")[1])
    assert np.array_equal(np.isnan(as_integers), np.isnan(as_floats))
    assert np.allclose(as_integers, as_floats, rtol=2e-7, equal_nan=True)


def test_zero_is_no_depth_in_millimetres():
    depth = decode_depth("16UC1", 1, 3, 6, packed(np.array([[0, 1, 65535]]), "<u2")[1])
    assert np.isnan(depth[0, 0])
    assert depth[0, 1:] == pytest.approx([0.001, 65.535])


def test_what_is_no_distance_is_no_depth_in_metres():
    values = np.array([[0.0, -0.0, -1.0, np.nan, np.inf, -np.inf, 1e-9, 3.0]])
    depth = decode_depth("32FC1", 1, 8, 32, packed(values, "<f4")[1])
    assert np.isnan(depth[0, :6]).all()
    assert depth[0, 6:] == pytest.approx([1e-9, 3.0])


def test_what_stands_for_nothing_measured_is_no_depth():
    most = np.finfo(np.float32).max
    values = np.array([[most, -most, 1e30, 1e20, 1001.0, FARTHEST_DEPTH, 65.0]])
    depth = decode_depth("32FC1", 1, 7, 28, packed(values, "<f4")[1])
    assert np.isnan(depth[0, :5]).all()
    assert depth[0, 5:] == pytest.approx([FARTHEST_DEPTH, 65.0])


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, "array", "ndarray"])
def test_data_may_be_any_buffer(kind):
    step, data = packed(METRES, "<f4")
    converters = {
        "array": lambda raw: array.array("B", raw),
        "ndarray": lambda raw: np.frombuffer(raw, np.uint8),
    }
    held = converters[kind](data) if isinstance(kind, str) else kind(data)
    assert np.allclose(decode_depth("32FC1", 2, 3, step, held), METRES)


def test_the_depth_is_a_copy_of_the_message():
    data = bytearray(packed(METRES, "<f4")[1])
    depth = decode_depth("32FC1", 2, 3, 12, data)
    depth[:] = 0
    assert data == packed(METRES, "<f4")[1]


def test_the_last_rows_padding_may_be_missing():
    step, data = packed(METRES, "<f4", 10)
    assert np.allclose(decode_depth("32FC1", 2, 3, step, data[:-10]), METRES)
    with pytest.raises(AutomaskError, match="holds 33 bytes, but 3x2 needs 34 with step 22"):
        decode_depth("32FC1", 2, 3, step, data[:-11])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("bgr8", 2, 2, 6, bytes(12)),
            "depth encoding 'bgr8' is not supported; publish one of: 16",
        ),
        (("", 2, 2, 4, bytes(8)), "encoding '' is not supported"),
        (("x\n" * 500, 2, 2, 4, bytes(8)), "is not supported"),
        (("16UC1", 0, 2, 4, b""), r"the 16UC1 depth image has no pixels \(2x0\)"),
        (("16UC1", 2, -1, 4, b""), "no pixels"),
        (("32FC1", 2**31, 2**31, 2**33, b""), "is too large"),
        (("16UC1", 2, 2, 3, bytes(8)), r"step of 3 bytes is less than a row of 2 pixels \(4 bytes"),
        (("32FC1", 2, 2, 0, bytes(16)), "step of 0 bytes"),
        (("16UC1", 2, 2, 4, b""), "holds 0 bytes, but 2x2 needs 8"),
        (("32FC1", 2, 2, 8, bytes(15)), "holds 15 bytes, but 2x2 needs 16 with step 8"),
        (("32FC1", 2, 2, 2**32 - 1, bytes(16)), "holds 16 bytes"),
    ],
)
def test_faults_are_one_clear_line(arguments, message):
    with pytest.raises(AutomaskError, match=message) as caught:
        decode_depth(*arguments)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
