"""Renders the ways of showing an object, with exact masks; goes on where it stopped.

    python tools/guide/render_ways.py --out OUT [--way hand] [--label cup] [--seed 1]

OUT/LABEL/WAY/pictures/*.jpg, OUT/LABEL/WAY/truth.json (COCO), OUT/LABEL/WAY/empty_scene/*.jpg.
Needs what export_objects.py left in OUT/objects, and tools/guide/requirements.txt.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("MUJOCO_GL", "egl")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "sample"))  # the sample's sensor, poses and surfaces

import cv2  # noqa: E402
import mujoco  # noqa: E402
import numpy as np  # noqa: E402
import room  # noqa: E402
import ways  # noqa: E402
from camera import HEIGHT, WIDTH, expose  # noqa: E402
from poses import camera_to_world  # noqa: E402
from pycocotools import mask as coco_mask  # noqa: E402

QUALITY = 92
AWAY = np.array([0.0, 0.0, -9.0])


class Stage:
    """The room with one object and what may carry it."""

    def __init__(self, label: str, out: Path, seed: int) -> None:
        self.label = label
        self.model = room.build(label, out / "objects", out / "room", seed)
        self.data = mujoco.MjData(self.model)
        self.renderer = mujoco.Renderer(self.model, HEIGHT, WIDTH)
        self.vertices = _vertices(out / "objects" / label)
        self._own = self.model.body("object").id

    def show(self, shown: ways.Shown, empty: bool = False) -> None:
        """Puts everything in its place; `empty` without the object."""
        for name in ("object", "plate", "cloth", "side grip", "foot grip"):
            number = self.model.body(name).mocapid[0]
            self.data.mocap_pos[number] = AWAY
            if name == shown.carrier:
                self._place(number, shown.carrier_to_world)
            elif name == "object" and not empty:
                self._place(number, shown.object_to_world)
        pose = camera_to_world(shown.camera)
        pose[:3, :3] = pose[:3, :3] @ np.diag([1.0, -1.0, -1.0])  # OpenGL's axes
        self.model.cam_pos[0] = pose[:3, 3]
        mujoco.mju_mat2Quat(self.model.cam_quat[0], pose[:3, :3].flatten())
        mujoco.mj_forward(self.model, self.data)

    def _place(self, number: int, matrix: np.ndarray) -> None:
        self.data.mocap_pos[number] = matrix[:3, 3]
        mujoco.mju_mat2Quat(self.data.mocap_quat[number], matrix[:3, :3].flatten())

    def picture(self, shown: ways.Shown, noise: list[int]) -> np.ndarray:
        """(H, W, 3) uint8 BGR, as the sample's camera would have taken it."""
        self.renderer.update_scene(self.data, camera="camera")
        srgb = self.renderer.render().astype(np.float32) / 255
        linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
        return expose(linear, shown.exposure, np.random.default_rng(noise))

    def mask(self) -> np.ndarray:
        """(H, W) bool: the object's visible pixels."""
        self.renderer.enable_segmentation_rendering()
        self.renderer.update_scene(self.data, camera="camera")
        ids = self.renderer.render()
        self.renderer.disable_segmentation_rendering()
        geoms = np.flatnonzero(self.model.geom_bodyid == self._own)
        is_geom = ids[..., 1] == int(mujoco.mjtObj.mjOBJ_GEOM)
        found: np.ndarray = np.isin(ids[..., 0], geoms) & is_geom
        return found


def _vertices(folder: Path) -> np.ndarray:
    """(N, 3) of all parts of an object."""
    lines = (folder / "part0.obj").read_text().splitlines()
    return np.array([line.split()[1:] for line in lines if line.startswith("v ")], float)


def render_way(stage: Stage, way: str, folder: Path, seed: int) -> None:
    """Every frame with its truth, and the empty scene."""
    pictures, empties = folder / "pictures", folder / "empty_scene"
    pictures.mkdir(parents=True, exist_ok=True)
    masks = []
    for index in range(ways.FRAMES):
        shown = ways.frame(way, stage.label, index, stage.vertices, seed)
        stage.show(shown)
        masks.append(stage.mask())
        picture = stage.picture(shown, [seed, 7, ways.NOISE[way], index])
        _write(pictures / f"{way}_{index:04d}.jpg", picture)
    for number in range(ways.EMPTY.get(way, 0)):
        empties.mkdir(exist_ok=True)
        shown = ways.empty_frame(way, stage.label, number, stage.vertices, seed)
        stage.show(shown, empty=True)
        picture = stage.picture(shown, [seed, 8, ways.NOISE[way], number])
        _write(empties / f"empty_{number:02d}.jpg", picture)
    truth = _truth(way, stage.label, masks)
    (folder / "truth.json").write_text(json.dumps(truth) + "\n")


def _write(path: Path, picture: np.ndarray) -> None:
    cv2.imwrite(str(path), picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])


def _truth(way: str, label: str, masks: list[np.ndarray]) -> dict[str, Any]:
    """COCO of the masks (H, W) bool of all frames."""
    images, annotations = [], []
    for index, mask in enumerate(masks):
        name, number = f"{way}_{index:04d}.jpg", index + 1
        images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
        encoded = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
        annotations.append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "iscrowd": 0,
                "area": int(mask.sum()),
                "bbox": [float(side) for side in coco_mask.toBbox(encoded)],
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": encoded["counts"].decode()},
            }
        )
    categories = [{"id": 1, "name": label}]
    return {"images": images, "annotations": annotations, "categories": categories}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--way", choices=ways.WAYS, action="append")
    parser.add_argument("--label", choices=tuple(ways.REACH), default="cup")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    stage = Stage(given.label, given.out, given.seed)
    for way in given.way or ways.WAYS:
        render_way(stage, way, given.out / given.label / way, given.seed)
        print(way, flush=True)


if __name__ == "__main__":
    main()
