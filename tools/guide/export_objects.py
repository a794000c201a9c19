"""Writes the sample's objects as meshes (OBJ) and their prints as pictures: what MuJoCo reads.

    python tools/guide/export_objects.py --out OUT/objects

Needs bpy, as tools/sample does. OUT/objects/LABEL/PART.obj, PART.png where the part has a print,
parts.json: (name, colour, whether printed) of each.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sample"))

import bpy  # noqa: E402
import cv2  # noqa: E402
import numpy as np  # noqa: E402
from objects import BUILDERS  # noqa: E402


def export(label: str, folder: Path) -> None:
    """All parts of an object, one to a material."""
    folder.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = BUILDERS[label]().data
    parts = []
    for slot, material in enumerate(mesh.materials):
        name = f"part{slot}"
        (folder / f"{name}.obj").write_text(_obj(mesh, slot))
        colour, print_ = _look(material)
        if print_ is not None:
            cv2.imwrite(str(folder / f"{name}.png"), print_)
        parts.append({"name": name, "colour": colour, "printed": print_ is not None})
    (folder / "parts.json").write_text(json.dumps(parts) + "\n")


def _obj(mesh: bpy.types.Mesh, slot: int) -> str:
    uvs = mesh.uv_layers[0].data
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in (v.co for v in mesh.vertices)]
    faces = []
    for polygon in mesh.polygons:
        if polygon.material_index != slot:
            continue
        corners = []
        for loop in polygon.loop_indices:
            u, v = uvs[loop].uv
            lines.append(f"vt {u:.6f} {v:.6f}")
            corners.append((mesh.loops[loop].vertex_index + 1, loop))
        faces.append(corners)
    numbers = {loop: n + 1 for n, (_, loop) in enumerate(c for face in faces for c in face)}
    for face in faces:
        lines.append("f " + " ".join(f"{vertex}/{numbers[loop]}" for vertex, loop in face))
    return "\n".join(lines) + "\n"


def _look(material: bpy.types.Material) -> tuple[list[float], np.ndarray | None]:
    """A material's colour (sRGB, 0..1), and its print as (H, W, 3) BGR if it has one."""
    for node in material.node_tree.nodes:
        if node.type == "TEX_IMAGE":
            width, height = node.image.size
            pixels = np.array(node.image.pixels[:], np.float32).reshape(height, width, 4)
            return [1.0, 1.0, 1.0], (pixels[::-1, :, 2::-1] * 255 + 0.5).astype(np.uint8)
    shader = material.node_tree.nodes["Principled BSDF"]
    linear = np.array(shader.inputs["Base Color"].default_value[:3])
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return [float(value) for value in srgb], None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    for label in BUILDERS:
        export(label, given.out / label)


if __name__ == "__main__":
    main()
