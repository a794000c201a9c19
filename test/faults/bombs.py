"""Small files and messages that promise much: what would take the memory of the machine."""

import io
import json
import resource
import struct
import zipfile
import zlib

from automask_ros.detection.base_models import load_checkpoint
from automask_ros.errors import AutomaskError
from automask_ros.library.annotation_sets import open_annotations
from automask_ros.library.coco import read_coco
from automask_ros.library.drawings import drawings_of
from automask_ros.library.files import read_json
from automask_ros.library.image_file import read_image, read_mask_file
from automask_ros.library.image_message import decode_image
from automask_ros.library.records import ModelRecord, ViewRecord, read_record
from automask_ros.segmentation.fcn import load_fcn

HUGE = 10**12
VIEW = {"captured_at": 1.0, "source": "x", "width": HUGE, "height": HUGE}
MODEL = {
    "architecture": "lite",
    "labels": {"cup": HUGE},
    "base_model": "lite",
    "image_size": 320,
    "thresholds": {},
    "seed": 0,
    "created_at": 1.0,
}
COCO = {
    "images": [{"id": 1, "file_name": "a.png", "width": 10**6, "height": 10**6}],
    "categories": [{"id": 1, "name": "cup"}],
    "annotations": [],
}
#: 60 kB that cross an image to and fro: to fill that takes 650 MB.
CROSSING = {
    "images": [{"id": 1, "file_name": "a.png", "width": 640, "height": 480}],
    "categories": [{"id": 1, "name": "cup"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 1, "segmentation": [[-1280, 0, 1280, 1] * 3200]}
    ],
}
LABELME = {"imagePath": "a.png", "imageHeight": 10**6, "imageWidth": 10**6, "shapes": []}


def _png(width, height):
    """A PNG whose rows are all there, if anybody unpacks them."""

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(min(width * height * 3, 1 << 26)))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def _jpeg(width, height):
    frame = struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)
    return b"\xff\xd8\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame + b"\xff\xd9"


def _webp(width, height):
    sizes = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0" + sizes


def _bmp(width, height):
    return b"BM" + bytes(12) + struct.pack("<IiiHH", 40, width, height, 1, 24) + bytes(26)


def _zip(content, method=zipfile.ZIP_DEFLATED):
    """An archive whose annotations promise much."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("annotations.json", content)
    return file.getvalue()


def _tensors(header, length=None):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text


def _claims(shape):
    return {"w": {"dtype": "F32", "shape": shape, "data_offsets": [0, 8]}}


def _filled(path):
    coco = read_coco(path)
    return coco.mask_of("a", "cup")


#: name -> (what lies in the file, what reads it)
BOMBS = {
    "a.png": (_png(60000, 60000), read_image),
    "long.png": (_png(1 << 26, 1), read_image),
    "mask.png": (_png(30000, 30000), read_mask_file),
    "a.jpg": (_jpeg(65500, 65500), read_image),
    "a.webp": (_webp(16384, 16384), read_image),
    "a.bmp": (_bmp(100000, -100000), read_image),
    "none.bmp": (_bmp(-(2**31), -(2**31)), read_image),
    "header.safetensors": (_tensors({}, 2**63), load_checkpoint),
    "fcn.safetensors": (_tensors({}, 2**40), lambda path: load_fcn(str(path))),
    "shape.safetensors": (_tensors(_claims([HUGE, HUGE])), load_checkpoint),
    "classes.safetensors": (
        _tensors(
            {"__metadata__": {"architecture": "lite", "labels": json.dumps({"cup": HUGE})}},
        ),
        load_checkpoint,
    ),
    "view.json": (json.dumps(VIEW).encode(), lambda path: read_record(path, ViewRecord)),
    "model.json": (json.dumps(MODEL).encode(), lambda path: read_record(path, ModelRecord)),
    "deep.json": (b"[" * 10_000_000, read_json),
    "number.json": (b"9" * 10_000_000, read_json),
    "coco.json": (json.dumps(COCO).encode(), read_coco),
    "crossing.json": (json.dumps(CROSSING).encode(), _filled),
    "set.zip": (_zip(b" " * (1 << 28)), open_annotations),
    "lies.zip": (
        _zip(b" " * 1000).replace(struct.pack("<I", 1000), b"\xff\xff\xff\x3f"),
        open_annotations,
    ),
    "rare.zip": (_zip(b"{}", zipfile.ZIP_LZMA), open_annotations),
    "labelme.json": (
        json.dumps(LABELME).encode(),
        lambda path: drawings_of(open_annotations(path)),
    ),
    "message": (b"", lambda _: decode_image("bgr8", 2**32 - 1, 2**32 - 1, 12, bytes(48))),
}


def light(root, span, chance):
    """Read all of them: (name, the line that refuses it), and last how many MiB that took."""
    root.mkdir()
    for name, (content, _) in BOMBS.items():
        (root / name).write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for name, (_, read) in BOMBS.items():
        try:
            read(root / name)
        except AutomaskError as error:
            yield name, str(error)
    yield (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
