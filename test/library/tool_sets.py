"""Annotated sets in the layouts that other tools write, small: two pictures, three objects.

``kitchen`` shows a mug of two parts and a can, ``table`` a mug. What is said of the objects is the
same in each tool's own words, down to fields that nobody needs.
"""

import base64
import json
import zipfile

import cv2
import numpy as np

SIZE = (48, 64)
NAMES = {"kitchen": 1, "table": 2}
MUG = [[4.5, 6.25, 20.0, 6.25, 20.0, 30.5, 4.5, 30.5], [22.0, 10.0, 27.5, 12.0, 22.0, 18.0]]
CAN = [[40.0, 8.0, 58.75, 10.0, 55.0, 40.0, 42.0, 38.0]]
LONE = [[10.0, 10.0, 50.0, 12.0, 30.0, 44.0]]
#: (picture, label as the person wrote it, polygons)
OBJECTS = (("kitchen", "Coffee Mug", MUG), ("kitchen", "can", CAN), ("table", "Coffee Mug", LONE))


def picture(name):
    """Of large patches, so that a JPEG of it is nearly the same."""
    seed = np.random.default_rng(NAMES[name]).integers(0, 256, (6, 8, 3), np.uint8)
    return cv2.resize(seed, SIZE[::-1], interpolation=cv2.INTER_NEAREST)


def write_picture(path, name):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(name))


def write_json(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def box(polygons):
    points = np.concatenate([np.reshape(each, (-1, 2)) for each in polygons])
    (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
    return [float(left), float(top), float(right - left), float(bottom - top)]


def coco(file_names, names, first=1, images=None, annotations=None, category=None, **rest):
    """COCO instances; ``images``, ``annotations`` and ``category`` are fields that a tool adds to
    each. Categories are counted from ``first``, as pictures and objects are."""
    ids = {name: number for number, name in enumerate(names, first)}
    numbers = {name: number for number, name in enumerate(NAMES, first)}
    size = {"width": SIZE[1], "height": SIZE[0]}
    return {
        **rest,
        "categories": [{"id": ids[name], "name": name, **(category or {})} for name in names],
        "images": [
            {"id": numbers[name], "file_name": file_names[name], **size, **(images or {})}
            for name in NAMES
        ],
        "annotations": [
            {
                "id": number,
                "image_id": numbers[name],
                "category_id": ids[label],
                "segmentation": polygons,
                "bbox": box(polygons),
                "area": 100.0,
                "iscrowd": 0,
                **(annotations or {}),
            }
            for number, (name, label, polygons) in enumerate(OBJECTS, first)
        ],
    }


def labelme(folder):
    """labelme 5: a JSON beside each picture; parts of one object share a group."""
    for name in NAMES:
        write_picture(folder / f"{name}.png", name)
        shapes = [
            {
                "label": label,
                "points": np.reshape(polygon, (-1, 2)).tolist(),
                "group_id": number if len(polygons) > 1 else None,
                "description": "",
                "shape_type": "polygon",
                "flags": {},
                "mask": None,
            }
            for number, (shown, label, polygons) in enumerate(OBJECTS, 1)
            for polygon in polygons
            if shown == name
        ]
        write_json(folder / f"{name}.json", labelme_file(f"{name}.png", shapes))


def labelme_file(image_path, shapes):
    return {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": image_path,
        "imageData": base64.b64encode(b"the picture once more").decode(),
        "imageHeight": SIZE[0],
        "imageWidth": SIZE[1],
    }


def labelme2coco(folder):
    """The script in labelme's examples: pictures as JPEG, ids from 0, a background category."""
    names = {name: f"JPEGImages/{name}.jpg" for name in NAMES}
    content = coco(
        names,
        ["_background_", "Coffee Mug", "can"],
        first=0,
        category={"supercategory": None},
        images={"license": 0, "url": None, "date_captured": None},
        info={"description": None, "year": 2024},
        licenses=[{"url": None, "id": 0, "name": None}],
        type="instances",
    )
    # A rectangle comes out as its two corners, which are no polygon.
    content["annotations"].append({**content["annotations"][0], "id": 9, "segmentation": [[1] * 4]})
    write_json(folder / "annotations.json", content)
    for name in NAMES:
        write_picture(folder / names[name], name)
        write_picture(folder / "Visualization" / f"{name}.jpg", name)


def cvat(folder):
    """CVAT, "COCO 1.0": a subset's annotations, its pictures in a folder; a box has no outline."""
    content = coco(
        {name: f"{name}.png" for name in NAMES},
        ["Coffee Mug", "can"],
        category={"supercategory": ""},
        images={"license": 0, "flickr_url": "", "coco_url": "", "date_captured": 0},
        annotations={"attributes": {"occluded": False}},
        licenses=[{"name": "", "id": 0, "url": ""}],
        info={"contributor": "", "date_created": "", "description": "", "url": "", "year": ""},
    )
    content["annotations"].append({**content["annotations"][0], "id": 9, "segmentation": []})
    write_json(folder / "annotations" / "instances_default.json", content)
    for name in NAMES:
        write_picture(folder / "images" / "default" / f"{name}.png", name)


def label_studio(folder):
    """Label Studio, "COCO with images": ids from 0, an object for each outline, hashed names, and
    the path of an upload that the server found on its own disk."""
    hashes = {"kitchen": "3f2a9c1e", "table": "9c1e3f2a"}
    names = {name: f"{hashes[name]}-{name}.png" for name in NAMES}
    content = coco(
        {
            "kitchen": f"../../media/upload/1/{names['kitchen']}",
            "table": f"images\\{names['table']}",
        },
        ["Coffee Mug", "can"],
        first=0,
        annotations={"ignore": 0},
        info={"year": 2024, "version": "1.0", "description": "", "contributor": "Label Studio"},
    )
    mug = content["annotations"].pop(0)
    content["annotations"] += [
        {**mug, "id": 5 + number, "segmentation": [polygon]} for number, polygon in enumerate(MUG)
    ]
    content["images"].append({"id": 7, "file_name": "lost.png", "width": None, "height": None})
    write_json(folder / "result.json", content)
    for name in NAMES:
        write_picture(folder / "images" / names[name], name)


def fiftyone(folder):
    """FiftyOne, COCODetectionDataset: ``data/`` and ``labels.json``; a plain detection has no
    outline."""
    content = coco(
        {name: f"{name}.png" for name in NAMES},
        ["Coffee Mug", "can"],
        category={"supercategory": None},
        images={"license": None, "coco_url": None},
        info={"year": "", "description": "Exported from FiftyOne"},
        licenses=[],
    )
    for each in (*content["categories"], *content["annotations"]):  # classes count from 0
        each["id" if "name" in each else "category_id"] -= 1
    plain = {
        key: value for key, value in content["annotations"][0].items() if key != "segmentation"
    }
    content["annotations"].append({**plain, "id": 9})
    write_json(folder / "labels.json", content)
    for name in NAMES:
        write_picture(folder / "data" / f"{name}.png", name)


def roboflow(folder):
    """Roboflow, COCO segmentation: pictures beside the annotations, a category that none has."""
    names = {name: f"{name}_png.rf.{name}1a2b.jpg" for name in NAMES}
    content = coco(
        names,
        ["kitchen-things", "Coffee Mug", "can"],
        first=0,
        category={"supercategory": "none"},
        images={"license": 1, "date_captured": "2024-05-01T10:00:00+00:00"},
    )
    write_json(folder / "_annotations.coco.json", content)
    for name in NAMES:
        write_picture(folder / names[name], name)


def packed(folder, top=""):
    """The folder as a zip beside it, deflated, as CVAT and Label Studio send it."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for each in sorted(folder.rglob("*")):
            if each.is_file():
                archive.write(each, f"{top}{each.relative_to(folder)}")
    return path
