"""The place where the object is shown, as one MuJoCo model: a table, a room, lights, carriers."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import mujoco
import numpy as np
import textures
from camera import FOCAL, HEIGHT, WIDTH
from carriers import carriers, write_cloth

_FOVY = float(np.degrees(2 * np.arctan(HEIGHT / 2 / FOCAL)))
_MATERIALS = {
    "skin": ("0.82 0.60 0.49 1", 0.15, 0.2),
    "sleeve": ("0.27 0.33 0.44 1", 0.0, 0.0),
    "plate": ("0.86 0.86 0.84 1", 0.3, 0.4),
    "cloth": ("0.46 0.50 0.47 1", 0.0, 0.0),
    "green": ("0.16 0.42 0.20 1", 0.1, 0.2),
    "brown": ("0.36 0.22 0.13 1", 0.1, 0.2),
    "brick": ("0.62 0.36 0.26 1", 0.0, 0.0),
    "violet": ("0.36 0.13 0.34 1", 0.2, 0.3),
    "straw": ("0.62 0.55 0.34 1", 0.2, 0.3),
}
"""Colour, specular, shininess."""
_THINGS = (
    ("box", "0.11 0.08 0.014", "-0.46 0.36 0.014", "violet"),
    ("box", "0.10 0.075 0.014", "-0.45 0.36 0.042", "straw"),
    ("box", "0.035 0.035 0.09", "0.02 0.42 0.09", "brick"),
    ("cylinder", "0.05 0.05", "0.50 0.36 0.05", "green"),
    ("sphere", "0.045", "-0.58 -0.16 0.045", "straw"),
    ("box", "0.5 0.2 0.4", "-0.5 1.6 -0.34", "green"),
    ("box", "0.4 0.2 0.9", "1.1 1.6 0.16", "brown"),
    ("box", "0.2 0.5 0.6", "-1.7 -0.3 -0.1", "brown"),
    ("box", "0.2 0.4 0.5", "1.7 -0.5 -0.2", "straw"),
)
"""Kind, size, place and material of what stands around."""


def build(label: str, objects: Path, scratch: Path, seed: int) -> mujoco.MjModel:
    """The model; bodies `object` and those of `carriers` are free to be put anywhere."""
    scratch.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng([seed, 99])
    wood = textures.wood(rng, (142, 100, 62), (208, 168, 120), 9)
    plaster = textures.plaster(rng, (176, 184, 176), 14)
    for name, picture in (("wood", wood), ("wall", plaster)):
        cv2.imwrite(str(scratch / f"{name}.png"), picture[..., ::-1])
    write_cloth(scratch / "cloth.obj")
    folder = (objects / label).absolute()
    parts = json.loads((folder / "parts.json").read_text())
    return mujoco.MjModel.from_xml_string(_xml(label, parts, folder, scratch.absolute()))


def _xml(label: str, parts: list[dict[str, object]], folder: Path, scratch: Path) -> str:
    assets = [f'<mesh name="cloth" file="{scratch}/cloth.obj" inertia="shell"/>']
    for name in ("wood", "wall"):
        assets.append(f'<texture name="{name}" type="2d" file="{scratch}/{name}.png"/>')
        assets.append(f'<material name="{name}" texture="{name}" specular="0.1" shininess="0.3"/>')
    for name, (colour, specular, shininess) in _MATERIALS.items():
        assets.append(
            f'<material name="{name}" rgba="{colour}" specular="{specular}" '
            f'shininess="{shininess}"/>'
        )
    geoms = []
    for part in parts:
        name = part["name"]
        look = 'rgba="{} {} {} 1"'.format(*part["colour"])  # type: ignore[misc]
        if part["printed"]:
            assets.append(f'<texture name="{name}" type="2d" file="{folder}/{name}.png"/>')
            look = f'texture="{name}"'
        assets.append(f'<material name="{name}" {look} specular="0.4" shininess="0.7"/>')
        assets.append(f'<mesh name="{name}" file="{folder}/{name}.obj" inertia="shell"/>')
        geoms.append(f'<geom type="mesh" mesh="{name}" material="{name}"/>')
    bodies = {"object": "".join(geoms), **carriers(label)}
    moved = "".join(
        f'<body name="{name}" mocap="true" pos="0 0 -9">{inside}</body>'
        for name, inside in bodies.items()
    )
    things = "".join(
        f'<geom type="{kind}" size="{size}" pos="{place}" material="{material}"/>'
        for kind, size, place, material in _THINGS
    )
    walls = "".join(
        f'<geom type="box" size="2.6 0.02 1.6" pos="{2.0 * np.sin(a)} {2.0 * np.cos(a)} 0.6" '
        f'euler="0 0 {-np.degrees(a)}" material="wall"/>'
        for a in np.arange(4) * np.pi / 2
    )
    return f"""<mujoco>
  <compiler angle="degree"/>
  <visual>
    <global offwidth="{WIDTH}" offheight="{HEIGHT}" fovy="{_FOVY}"/>
    <quality shadowsize="4096" offsamples="4"/>
    <map znear="0.02" zfar="20" shadowscale="0.6"/>
    <headlight ambient="0.34 0.34 0.36" diffuse="0.12 0.12 0.12" specular="0 0 0"/>
  </visual>
  <asset>{"".join(assets)}</asset>
  <worldbody>
    <camera name="camera" fovy="{_FOVY}"/>
    <light pos="-1.3 -0.5 1.6" dir="1.3 0.5 -1.5" diffuse="0.55 0.54 0.50" cutoff="60"
      castshadow="true"/>
    <light pos="1.2 -1.0 1.4" dir="-1.2 1.0 -1.3" diffuse="0.18 0.19 0.22" castshadow="false"/>
    <geom type="box" size="0.75 0.5 0.0175" pos="0 0 -0.0175" material="wood"/>
    <geom type="plane" size="3 3 0.1" pos="0 0 -0.74" material="brown"/>
    {walls}{things}{moved}
  </worldbody>
</mujoco>"""
