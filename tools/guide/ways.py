"""How an object is shown, frame by frame: on a table, on a turntable, to a wrist camera, in a hand.

NumPy only. Every way shows the object upright, or lying, or upside down for a third of its frames
(the hand: upright and upside down, in two grips), against the same table, room and light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from camera import Exposure
from poses import CameraPose, Placement, lying_spin, orbit, resting_matrix

FRAMES = 40
STEP = 1080 / FRAMES
"""Degrees from one frame to the next: a full turn in each of three poses."""
PLATE_HEIGHT = 0.018
CLOTH_HEIGHT = 0.020
HELD_AT = np.array([0.0, 0.0, 0.30])
"""Where a hand holds the object, in metres over the table's middle."""
HEIGHTS = {"cup": 0.090, "bottle": 0.220, "can": 0.180}
REACH = {"cup": 0.40, "bottle": 0.62, "can": 0.52}
"""Distance of the camera, in metres."""
NOISE = {"table": 1, "plate": 2, "cloth": 3, "wrist": 4, "hand": 5}
EMPTY = {"plate": 4, "hand": 8}
"""So many pictures of the empty scene there are, of the ways that have any."""


@dataclass(frozen=True)
class Shown:
    """One frame: where the object is, what carries it, and the camera."""

    pose: str  # upright | lying | inverted
    object_to_world: np.ndarray  # (4, 4)
    carrier: str  # "", "plate", "cloth", "side grip" or "foot grip"
    carrier_to_world: np.ndarray  # (4, 4)
    camera: CameraPose
    exposure: Exposure


def frame(way: str, label: str, index: int, vertices: np.ndarray, seed: int) -> Shown:
    """Frame `index` of a way; `vertices` (N, 3) are the object's."""
    rng = np.random.default_rng([seed, NOISE[way], index])
    return WAYS[way](label, index, vertices, rng)


def empty_frame(way: str, label: str, number: int, vertices: np.ndarray, seed: int) -> Shown:
    """What carries the object, as it looks without it: other moments than those of the frames."""
    rng = np.random.default_rng([seed, NOISE[way], 1000 + number])
    index = (number + 0.5) * FRAMES / EMPTY[way]
    return WAYS[way](label, index, vertices, rng)


def _table(label: str, index: float, vertices: np.ndarray, rng: np.random.Generator) -> Shown:
    """A person turns it a little further between two looks, and does not put it down exactly."""
    placement = _standing(label, index, turn=STEP + float(rng.normal(0, 4)))
    x, y = rng.normal(0, 0.010, 2)
    moved = _placed(placement, vertices, 0.0, (float(x), float(y)))
    return Shown(placement.pose, moved, "", np.eye(4), _fixed(label, 0.0), _exposure(rng, 0.7))


def _plate(label: str, index: float, vertices: np.ndarray, rng: np.random.Generator) -> Shown:
    return _turning("plate", PLATE_HEIGHT, label, index, vertices, rng)


def _cloth(label: str, index: float, vertices: np.ndarray, rng: np.random.Generator) -> Shown:
    return _turning("cloth", CLOTH_HEIGHT, label, index, vertices, rng)


def _turning(
    carrier: str,
    height: float,
    label: str,
    index: float,
    vertices: np.ndarray,
    rng: np.random.Generator,
) -> Shown:
    """A full turn in each pose; what carries the object turns with it."""
    placement = _standing(label, index, turn=STEP)
    turned = np.eye(4)
    angle = np.radians(placement.heading)
    turned[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    at = _placed(placement, vertices, height, (0.0, 0.0))
    return Shown(placement.pose, at, carrier, turned, _fixed(label, height), _exposure(rng, 0.7))


def _wrist(label: str, index: float, vertices: np.ndarray, rng: np.random.Generator) -> Shown:
    """The camera goes round the object, up and down and nearer and farther; the object stays."""
    third, step = divmod(index, FRAMES / 3)
    placement = _standing(label, third * FRAMES / 3 + 2, turn=STEP)
    share = step * 3 / FRAMES
    camera = orbit(
        (float(rng.normal(0, 0.012)), float(rng.normal(0, 0.012)), _middle(label, placement.pose)),
        -90 + 360 * share + 120 * third,
        40 - 24 * float(np.cos(2 * np.pi * (2 * share + third / 3))),
        REACH[label] * (1.0 + 0.15 * float(np.sin(2 * np.pi * 3 * share))),
        float(rng.normal(0, 3)),
        4.5,
    )
    moved = _placed(placement, vertices, 0.0, (0.0, 0.0))
    return Shown(placement.pose, moved, "", np.eye(4), camera, _exposure(rng, 2.4))


def _hand(label: str, index: float, vertices: np.ndarray, rng: np.random.Generator) -> Shown:
    """Half of the frames held from behind, half at the foot; turned by the wrist, and in the
    fingers between two looks."""
    half, step = divmod(index, FRAMES / 2)
    share = step * 2 / FRAMES
    inverted = share >= 0.5
    sweep = 2 * np.pi * 2 * share
    wrist = _turn(2, 40 * np.sin(sweep)) @ _turn(0, 18 * np.sin(1.7 * sweep + 1))
    wrist = wrist @ _turn(1, 22 * np.cos(1.3 * sweep))
    held = np.eye(4)
    held[:3, :3] = wrist @ _turn(2, -90)
    held[:3, 3] = HELD_AT + rng.normal(0, 0.012, 3)
    own = np.eye(4)
    # Held from behind, the handle has to stay clear of the fingers.
    own[:3, :3] = _turn(2, 45 * np.sin(2.3 * sweep) if half == 0 else 720 * share)
    height = HEIGHTS[label]
    if inverted:
        own[:3, :3] = own[:3, :3] @ _turn(0, 180)
    own[2, 3] = (height / 2 if inverted else -height / 2) if half == 0 else height * inverted
    carrier = "side grip" if half == 0 else "foot grip"
    if half:
        held[2, 3] -= height / 2
    x, y, z = HELD_AT
    camera = orbit((x, y, float(z)), -90, 12, REACH[label], 0.0, 4.5)
    pose = "inverted" if inverted else "upright"
    return Shown(pose, held @ own, carrier, held, camera, _exposure(rng, 1.6))


WAYS: dict[str, Callable[[str, float, np.ndarray, np.random.Generator], Shown]] = {
    "table": _table,
    "plate": _plate,
    "cloth": _cloth,
    "wrist": _wrist,
    "hand": _hand,
}


def _standing(label: str, index: float, turn: float) -> Placement:
    """Upright, lying and upside down for a third each, turned on by `turn` degrees a frame."""
    third, step = divmod(index, FRAMES / 3)
    pose = ("upright", "lying", "inverted")[int(third)]
    spin = lying_spin(label, (0.13 + 2.6 * step * 3 / FRAMES) % 1.0) if pose == "lying" else 0.0
    return Placement(label, 0.0, 0.0, turn * step + 40 * third, spin, pose)


def _placed(
    placement: Placement, vertices: np.ndarray, height: float, shift: tuple[float, float]
) -> np.ndarray:
    matrix = resting_matrix(placement, vertices)
    matrix[:3, 3] += (*shift, height)
    return matrix


def _middle(label: str, pose: str) -> float:
    return HEIGHTS[label] * (0.22 if pose == "lying" else 0.5)


def _fixed(label: str, height: float) -> CameraPose:
    """A camera on a stand, 30 degrees above the table."""
    return orbit((0.0, 0.0, HEIGHTS[label] * 0.42 + height), -90, 30, REACH[label], 0.0, 4.5)


def _turn(axis: int, degrees: float) -> np.ndarray:
    """(3, 3) about x, y or z."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def _exposure(rng: np.random.Generator, shake: float) -> Exposure:
    """A quiet webcam; `shake` is the longest blur by motion, in pixels."""
    red, blue = 1 + rng.normal(0, 0.008, 2)
    return Exposure(
        stops=float(rng.normal(0, 0.06)),
        red=float(red),
        blue=float(blue),
        noise=1.0,
        shake=(float(rng.uniform(0, shake)), float(rng.uniform(0, 180))),
        softness=float(rng.uniform(0.3, 0.55)),
    )
