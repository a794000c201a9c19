"""Detections as a serialized vision_msgs/Detection2DArray.

As Python objects 20 detections are 160 messages within each other, whose making and serializing
takes four times as long as writing their bytes.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

from std_msgs.msg import Header

from automask_ros.nodes.plain_cdr import LITTLE_ENDIAN, header_bytes, string_bytes
from automask_ros.types import Detections

_ONE = struct.pack("<I", 1)
# A hypothesis has a place in space too, which is not known here: the message's defaults, that is
# position, orientation (the identity, w last) and 36 covariances.
_NO_POSE = struct.pack("<43d", 0, 0, 0, 0, 0, 0, 1, *[0.0] * 36)
# x, y and angle of the box's centre, width, height.
_BOX = struct.Struct("<5d")


def write_detections(detections: Detections, header: Header, ids: Sequence[str] = ()) -> bytes:
    """A vision_msgs/Detection2DArray: detections in their order, under the source image's header.

    `class_id` is the label itself; boxes are in pixels, a pixel's corner being at its integer.
    `ids` are those of a tracker, one per detection; without any every `id` stays empty.
    """
    ids = ids or [""] * len(detections)
    start = header_bytes(header)
    fields = bytearray(start + struct.pack("<I", len(detections)))
    boxes, scores = detections.boxes.tolist(), detections.scores.tolist()
    labels = {label: string_bytes(label) for label in set(detections.labels)}
    for box, score, label, track in zip(boxes, scores, detections.labels, ids, strict=True):
        fields += start + _ONE + labels[label]
        if len(fields) % 8:
            fields += bytes(4)  # numbers of eight bytes follow
        fields += struct.pack("<d", score) + _NO_POSE + _centre_and_size(box) + string_bytes(track)
    return LITTLE_ENDIAN + bytes(fields)


def _centre_and_size(box: Sequence[float]) -> bytes:
    left, top, right, bottom = box
    return _BOX.pack((left + right) / 2, (top + bottom) / 2, 0.0, right - left, bottom - top)
