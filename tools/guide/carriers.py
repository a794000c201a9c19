"""What carries the object before the camera, as MJCF: a turntable's plate, a cloth, a hand.

The hand is made of capsules in the colour of skin: a palm, four fingers, a thumb and a forearm with
a sleeve, in two grips. Its frame: z along the object's axis, +x the side that stays free.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from ways import CLOTH_HEIGHT, PLATE_HEIGHT

FINGER = 0.0080
GRIP_RADIUS = {"cup": 0.041, "bottle": 0.035, "can": 0.0265}
FOOT_RADIUS = {"cup": 0.037, "bottle": 0.034, "can": 0.0275}

Point = tuple[float, float, float]


def carriers(label: str) -> dict[str, str]:
    """The geoms of each carrier, for one object."""
    return {
        "plate": f'<geom type="cylinder" size="0.12 {PLATE_HEIGHT / 2}" pos="0 0 '
        f'{PLATE_HEIGHT / 2}" material="plate"/>',
        "cloth": '<geom type="mesh" mesh="cloth" material="cloth"/>',
        "side grip": "".join(_side_grip(GRIP_RADIUS[label])),
        "foot grip": "".join(_foot_grip(FOOT_RADIUS[label])),
    }


def write_cloth(path: Path, rings: int = 40, segments: int = 160) -> None:
    """Flat over the plate, falling in folds around it, and spread out over the table (OBJ)."""
    radii = np.concatenate([[0.0], np.linspace(0.02, 0.24, rings), [0.42]])
    angles = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    radius, angle = np.meshgrid(radii, angles, indexing="ij")
    fall = np.clip((radius - 0.12) / 0.06, 0, 1)
    height = CLOTH_HEIGHT - (CLOTH_HEIGHT - 0.003) * fall**2 * (3 - 2 * fall)
    folds = np.exp(-(((radius - 0.19) / 0.05) ** 2))
    height += 0.006 * folds * (1 + np.sin(7 * angle + 0.6 * np.sin(3 * angle)))
    x, y = radius * np.cos(angle), radius * np.sin(angle)
    points = np.stack([x, y, height], 2).reshape(-1, 3)
    lines = [f"v {a:.5f} {b:.5f} {c:.5f}" for a, b, c in points]
    lines += [f"vt {a / 0.4:.5f} {b / 0.4:.5f}" for a, b, _ in points]
    for ring in range(len(radii) - 1):
        for column in range(segments):
            following = (column + 1) % segments
            low, high = ring * segments + 1, (ring + 1) * segments + 1
            face = (low + column, high + column, high + following, low + following)
            lines.append("f " + " ".join(f"{each}/{each}" for each in face))
    path.write_text("\n".join(lines) + "\n")


def _side_grip(radius: float) -> Iterator[str]:
    """The hand behind the object: fingers come round one side of it, the thumb round the other."""
    around = radius + 0.9 * FINGER
    for row, z in enumerate((0.024, 0.007, -0.010, -0.027)):
        angles = np.radians(np.linspace(158, (72, 62, 66, 80)[row], 6))
        yield from _chain([_at(around, angle, z) for angle in angles], FINGER)
    heights = (-0.012, 0.0, 0.010, 0.016, 0.018)
    angles = np.radians(np.linspace(206, 282, 5))
    thumb = [_at(around + 0.001, angle, z) for angle, z in zip(angles, heights, strict=True)]
    yield from _chain(thumb, FINGER * 1.2)
    for angle in np.radians((160, 178, 198)):
        at = radius + 0.015
        yield _capsule(_at(at, angle, 0.024), _at(at, angle, -0.030), 0.013)
    wrist = (-radius - 0.045, -0.035, -0.030)
    yield _capsule((-radius - 0.016, -0.006, -0.006), wrist, 0.023)
    yield from _arm(wrist, (-0.55, -0.80, -0.20))


def _foot_grip(radius: float) -> Iterator[str]:
    """The hand below the object: five finger tips hold it around its foot."""
    around = radius + 0.9 * FINGER
    for degrees, top in ((-62, 0.018), (-20, 0.026), (20, 0.028), (62, 0.022), (178, 0.026)):
        angle = np.radians(degrees)
        joints = [
            _at(0.018, angle, -0.036),
            _at(around + 0.006, angle, -0.018),
            _at(around, angle, top),
        ]
        yield from _chain(joints, FINGER * 1.05)
    yield _capsule((0.012, 0.020, -0.040), (0.012, -0.020, -0.040), 0.019)
    yield _capsule((-0.012, 0.012, -0.044), (-0.012, -0.020, -0.044), 0.019)
    wrist = (-0.045, -0.035, -0.075)
    yield _capsule((0.0, 0.0, -0.046), wrist, 0.022)
    yield from _arm(wrist, (-0.42, -0.62, -0.66))


def _arm(wrist: Point, direction: Point) -> Iterator[str]:
    """A bare forearm from the wrist on, and the sleeve above it."""
    start, way = np.array(wrist), np.array(direction) / np.linalg.norm(direction)
    steps = np.linspace(0, 0.17, 6)
    for near, far, radius in zip(steps[:-1], steps[1:], np.linspace(0.023, 0.029, 5), strict=True):
        yield _capsule(tuple(start + near * way), tuple(start + far * way), radius)
    yield _capsule(tuple(start + 0.15 * way), tuple(start + 0.5 * way), 0.042, "sleeve")


def _chain(points: list[Point], radius: float) -> Iterator[str]:
    for start, end in zip(points[:-1], points[1:], strict=True):
        yield _capsule(start, end, radius)


def _capsule(start: Point, end: Point, radius: float, material: str = "skin") -> str:
    ends = " ".join(f"{value:.5f}" for value in (*start, *end))
    return f'<geom type="capsule" size="{radius:.5f}" fromto="{ends}" material="{material}"/>'


def _at(radius: float, angle: float, z: float) -> Point:
    return float(radius * np.cos(angle)), float(radius * np.sin(angle)), float(z)
