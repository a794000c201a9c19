"""COCO annotations that came from other tools, to masks."""

from __future__ import annotations

import json
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.coco import encode_mask, read_coco
from automask_ros.library.coco_names import find_picture, is_view_of, view_ids
from automask_ros.library.labels import check_view_id
from targets.edits import edited
from targets.provider import Provider

#: Larger pictures take long, and no other way through the code.
LARGEST = 1 << 20
_FOLDER = Path(tempfile.mkdtemp(prefix="automask_fuzz_"))


def _files() -> list[str]:
    """A polygon, run lengths as a list and as a string."""
    mask = np.zeros((6, 8), bool)
    mask[1:4, 2:6] = True
    shapes = [[[1.0, 1.0, 6.0, 1.0, 6.0, 4.5]], {"size": [6, 8], "counts": [7, 3, 38]}]
    return [
        json.dumps(
            {
                "images": [{"id": 1, "file_name": "cup/a.png", "width": 8, "height": 6}],
                "categories": [{"id": 1, "name": "cup"}],
                "annotations": [
                    {"id": 1, "image_id": 1, "category_id": 1, "segmentation": shape, "iscrowd": 0}
                ],
            }
        )
        for shape in [*shapes, encode_mask(mask)]
    ]


_GOOD = _files()


def seeds() -> list[bytes]:
    """Each good file as it is, and with one field more."""
    files = [b"\0" + content.encode() for content in _GOOD]
    return files + [bytes([number, 0, 0, 254, 7, 4]) for number in (1, 2, 3)]


def check(data: bytes) -> bool:
    """The first byte says whether the rest is a file, or edits of a good one; each of its masks is
    drawn."""
    path = _FOLDER / "annotations.json"
    fields = Provider(data)
    chosen = fields.uint8() % 4
    if chosen:
        content = json.loads(_GOOD[chosen - 1])
        path.write_text(json.dumps(edited(content, fields)))
    else:
        path.write_bytes(fields.rest())
    taken = False
    with suppress(AutomaskError):
        coco = read_coco(path)
        for image in coco.images.values():
            assert all(check_view_id(each) for each in view_ids(image))
            for label in coco.labels:
                is_view_of(image, label)
                if image.width * image.height <= LARGEST:
                    mask = coco.mask_of(image.stem, label)
                    assert mask is None or mask.shape == (image.height, image.width)
            with suppress(AutomaskError):
                assert find_picture(_FOLDER, image).is_relative_to(_FOLDER)
        json.dumps(coco.to_dict())
        taken = True
    return taken
