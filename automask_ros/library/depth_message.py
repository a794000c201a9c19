"""Depth images in camera messages to metres (REP 118), and as little believed as colour images."""

from __future__ import annotations

from typing import Any

import numpy as np

from automask_ros.library.image_file import check_size
from automask_ros.library.image_rows import view_rows
from automask_ros.library.message_faults import BadMessage, Fault
from automask_ros.types import FARTHEST_DEPTH, DepthMap

#: Encoding -> the number's kind, and how many metres one is.
_ENCODINGS = {"16UC1": ("u2", 1e-3), "mono16": ("u2", 1e-3), "32FC1": ("f4", 1.0)}


def decode_depth(
    encoding: str,
    height: int,
    width: int,
    step: int,
    data: Any,
    is_bigendian: bool = False,
) -> DepthMap:
    """Turn the fields of a sensor_msgs/Image into a new ``(H, W) float32`` depth map in metres.

    16UC1 and mono16 are millimetres, 32FC1 metres. NaN stands where there is no depth: where the
    message has zero, a negative number, none, or one beyond FARTHEST_DEPTH. ``step`` is the length
    of a row in bytes, with its padding; ``data`` is any buffer of bytes (bytes, array.array,
    ndarray).
    AutomaskError: another encoding, no pixels, too many, rows or data shorter than they should be.
    """
    if encoding not in _ENCODINGS:
        raise BadMessage(
            f"depth encoding {ascii(encoding)[:60]} is not supported; publish one of: "
            f"{', '.join(sorted(_ENCODINGS))}",
            Fault.ENCODING,
        )
    name = f"the {encoding} depth image"
    check_size(height, width, name)
    kind, metres = _ENCODINGS[encoding]
    order = ">" if is_bigendian else "<"
    values = view_rows(name, data, (height, width), step, order + kind)
    # The only copy: byte order, padding and unit change on the way.
    depth = np.multiply(values, np.float32(metres), dtype=np.float32)
    depth[~((depth > 0) & (depth <= FARTHEST_DEPTH))] = np.nan
    return depth
