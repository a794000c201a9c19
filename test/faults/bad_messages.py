"""Messages that no camera and no trainer should send, drawn by lot from a seed."""

import array
import math
import random

import cv2
import numpy as np
from builtin_interfaces.msg import Time
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from vision_msgs.msg import VisionInfo

from automask_ros.library.message_faults import Fault

SIZES = (0, 1, 2, 3, 47, 64, 4097, 32768, 65535, 2**31 - 1, 2**31, 2**32 - 1)
NUMBERS = (0.0, -0.0, 1.0, -1.0, 1e-300, 1e300, math.nan, math.inf, -math.inf)
ENCODINGS = (
    *("bgr8", "rgb8", "bgra8", "mono8", "mono16", "rgb16", "yuv422", "nv12", "bayer_rggb8"),
    *("16UC1", "32FC1", "rgb9", "", "8UC5", "\u202eBGR", "x" * 900, "x" * 5000, "bgr8\n"),
)
FORMATS = ("jpeg", "png", "bgr8; jpeg compressed bgr8", "", "x" * 3000, "32FC1; compressedDepth")
TEXTS = ("", "camera", "x" * 1000, "x" * 100_000, "../../etc", "\u202e\x1b[31m", "日" * 300)


def png_of_size(height, width):
    """A black picture as PNG, a thousandth of its size."""
    return cv2.imencode(".png", np.zeros((height, width), np.uint8))[1].tobytes()


def bomb(height, width):
    """A PNG of few bytes whose header promises that many pixels."""
    small = bytearray(png_of_size(4, 4))
    small[16:24] = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    return bytes(small)


def long_chunk():
    """A PNG of few bytes with a chunk that says it had a gigabyte."""
    small = png_of_size(4, 4)
    return small[:33] + (1 << 30).to_bytes(4, "big") + small[37:]


class BadMessages:
    """Draws one message after the other, serialized. `picture` is ``(H, W, 3) uint8``, `models`
    are folders that a VisionInfo may name."""

    def __init__(self, seed, picture, models):
        self._lot = random.Random(seed)
        self._picture = picture
        self._jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        self._models = models

    def image(self):
        height, width = self._picture.shape[:2]
        message = Image(header=self._header(), height=height, width=width, encoding="bgr8")
        message.step = width * 3
        message.data = array.array("B", self._picture.tobytes())
        lot = self._lot
        for _ in range(lot.randint(1, 3)):
            field = lot.choice(("height", "width", "step", "encoding", "data", "is_bigendian"))
            if field == "data":
                message.data = message.data[: lot.choice((0, 1, len(message.data) - 1, 2000))]
            elif field == "is_bigendian":
                message.is_bigendian = lot.randrange(256)
            else:
                setattr(message, field, lot.choice(ENCODINGS if field == "encoding" else SIZES))
        return self._damaged(message)

    def depth(self):
        height, width = self._lot.choice((self._picture.shape[:2], (3, 5), (1, 2000)))
        values = np.array(self._lot.choices(NUMBERS, k=height * width), np.float64)
        with np.errstate(over="ignore"):
            data = values.astype(np.float32).tobytes()
        message = Image(header=self._header(), height=height, width=width, encoding="32FC1")
        message.step = self._lot.choice((4 * width, 4 * width, *SIZES))
        message.encoding = self._lot.choice(("32FC1", "32FC1", "16UC1", "bgr8"))
        message.data = array.array("B", data)
        return self._damaged(message)

    def compressed(self):
        lot, data = self._lot, self._jpeg
        how = lot.randrange(5)
        if how == 0:
            data = data[: lot.randrange(len(data))]
        elif how == 1:
            data = self._flipped(data)
        elif how == 2:
            data = bomb(lot.choice(SIZES[1:]), lot.choice(SIZES[1:]))
        elif how == 3:
            data = lot.choice((b"", b"\xff\xd8", b"GIF89a" + bytes(20), long_chunk()))
        message = CompressedImage(header=self._header(), format=lot.choice(FORMATS))
        message.data = array.array("B", data)
        return self._damaged(message)

    def heavy(self):
        """A good PNG of 70 kB that becomes 64 million pixels, as many as are taken."""
        message = CompressedImage(header=Header(frame_id="camera"), format="png")
        message.data = array.array("B", png_of_size(8000, 8000))
        return serialize_message(message)

    def camera_info(self):
        lot = self._lot
        info = CameraInfo(header=self._header(), distortion_model=lot.choice(TEXTS))
        info.height, info.width = lot.choice(SIZES), lot.choice(SIZES)
        info.d = lot.choices(NUMBERS, k=lot.choice((0, 5, 14, 1000)))
        info.k, info.r = lot.choices(NUMBERS, k=9), lot.choices(NUMBERS, k=9)
        info.p = lot.choices(NUMBERS, k=12)
        info.roi.height, info.roi.width = lot.choice(SIZES), lot.choice(SIZES)
        info.roi.x_offset, info.roi.y_offset = lot.choice(SIZES), lot.choice(SIZES)
        info.binning_x = lot.choice(SIZES)
        return self._damaged(info)

    def model(self):
        lot = self._lot
        places = (*self._models, *TEXTS, "/", "/etc/passwd", "/dev/zero", "a" * 300, "~")
        return self._damaged(
            VisionInfo(
                header=self._header(),
                database_location=lot.choice(places),
                database_version=lot.choice((0, 1, -1, 2**31 - 1, -(2**31))),
            )
        )

    def _header(self):
        """The stamp of any moment from 1901 to 2038: it jumps back as often as not."""
        lot = self._lot
        seconds = lot.choice((0, -1, 1_700_000_000, lot.randrange(-(2**31), 2**31)))
        stamp = Time(sec=seconds, nanosec=lot.choice((0, 5, 2**32 - 1)))
        return Header(stamp=stamp, frame_id=lot.choice(TEXTS) if lot.random() < 0.1 else "camera")

    def _damaged(self, message):
        """The message as bytes; of every third some are wrong, or missing, or too many."""
        data = serialize_message(message)
        how = self._lot.randrange(12)
        if how == 0:
            return data[: self._lot.randrange(4, len(data))]
        if how in (1, 2):
            return self._flipped(data)
        if how == 3:
            return data + bytes(self._lot.randrange(1, 2000))
        return data

    def _flipped(self, data):
        changed = bytearray(data)
        # Where the lengths are, as often as among the pixels.
        for _ in range(self._lot.randint(1, 6)):
            end = self._lot.choice((min(80, len(changed)), len(changed)))
            changed[self._lot.randrange(end)] = self._lot.choice((0, 1, 127, 255))
        return bytes(changed)


def one_of_each_raw(picture):
    """Kind of fault -> a serialized Image that has this one and no other."""
    height, width = picture.shape[:2]

    def image(**changes):
        message = Image(header=Header(frame_id="camera"), height=height, width=width)
        message.encoding, message.step = "bgr8", 3 * width
        message.data = array.array("B", picture.tobytes())
        for field, value in changes.items():
            setattr(message, field, value)
        return serialize_message(message)

    return {
        Fault.SERIALIZED: image()[:-8],
        Fault.TEXT: image(header=Header(frame_id="x" * 2000)),
        Fault.ENCODING: image(encoding="rgb9"),
        Fault.NO_PIXELS: image(height=0),
        Fault.TOO_LARGE: image(height=10**6, width=10**6),
        Fault.ODD: image(encoding="yuv422", width=width - 1),
        Fault.STEP: image(step=3 * width - 1),
        Fault.SHORT: image(height=height + 1),
    }


def one_of_each_compressed(picture):
    """The same of CompressedImages."""
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()

    def image(data=jpeg, format="jpeg"):
        message = CompressedImage(header=Header(frame_id="camera"), format=format)
        message.data = array.array("B", data)
        return serialize_message(message)

    return {
        Fault.SERIALIZED: image()[:-8],
        Fault.TEXT: image(format="x" * 2000),
        Fault.DEPTH: image(format="32FC1; compressedDepth"),
        Fault.NO_PIXELS: image(bomb(0, 9)),
        Fault.TOO_LARGE: image(bomb(2**31, 2**31)),
        Fault.FORMAT: image(b"GIF89a" + bytes(20)),
        Fault.PICTURE: image(long_chunk()),
    }
