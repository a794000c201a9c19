"""Where things and the camera stand: placements, resting poses, view angles. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Placement:
    """A thing on the table.

    `heading` turns it about the vertical, `spin` about its own axis, in degrees.
    """

    kind: str  # a taught label, or the name of a prop
    x: float
    y: float
    heading: float = 0.0
    spin: float = 0.0
    pose: str = "upright"  # upright | lying | inverted


@dataclass(frozen=True)
class CameraPose:
    """Camera in metres, looking at `target`, rolled by `roll` degrees, focused at `focus`."""

    position: tuple[float, float, float]
    target: tuple[float, float, float]
    roll: float
    focus: float
    fstop: float


def _about(axis: int, degrees: float) -> np.ndarray:
    angle = np.radians(degrees)
    c, s = np.cos(angle), np.sin(angle)
    i, j = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[i, i] = matrix[j, j] = c
    matrix[i, j], matrix[j, i] = -s, s
    return matrix


def rotation(placement: Placement) -> np.ndarray:
    """Object to world, (3, 3)."""
    tip = {"upright": 0.0, "lying": 90.0, "inverted": 180.0}[placement.pose]
    return _about(2, placement.heading) @ _about(0, tip) @ _about(2, placement.spin)


def resting_matrix(placement: Placement, vertices: np.ndarray) -> np.ndarray:
    """Object to world, (4, 4), so that the lowest of `vertices` (N, 3) touches the table at z = 0.

    A thing that lies is centred on (x, y) along its length.
    """
    turn = rotation(placement)
    turned = vertices @ turn.T
    matrix = np.eye(4)
    matrix[:3, :3] = turn
    middle = (turned.min(0) + turned.max(0)) / 2 if placement.pose == "lying" else np.zeros(3)
    matrix[:3, 3] = placement.x - middle[0], placement.y - middle[1], -turned[:, 2].min()
    return matrix


def lying_spin(kind: str, share: float) -> float:
    """`share` 0..1 of the spins at which a lying thing rests: a cup's handle cannot be under it."""
    return -33.0 + 246.0 * share if kind in ("cup", "plain_mug") else 360.0 * share


def orbit(
    target: tuple[float, float, float],
    azimuth: float,
    elevation: float,
    distance: float,
    roll: float,
    fstop: float,
) -> CameraPose:
    """The camera `distance` metres from `target`; azimuth -90 looks along +y. Degrees."""
    a, e = np.radians(azimuth), np.radians(elevation)
    offset = distance * np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    position = np.asarray(target) + offset
    return CameraPose(tuple(float(v) for v in position), target, roll, distance, fstop)  # type: ignore[arg-type]


def camera_to_world(camera: CameraPose) -> np.ndarray:
    """(4, 4), OpenCV axes: x right, y down, z forward."""
    position = np.asarray(camera.position)
    forward = np.asarray(camera.target) - position
    forward /= np.linalg.norm(forward)
    right = np.cross(forward, [0, 0, 1.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack([right, down, forward], 1) @ _about(2, camera.roll)
    matrix[:3, 3] = position
    return matrix


def view_angles(
    object_to_world: np.ndarray, world_from_camera: np.ndarray, middle: np.ndarray
) -> dict[str, float]:
    """From which side an object is seen, in degrees.

    yaw: direction to the camera about the object's own axis, 0 = its front (handle), 0..360.
    elevation: the same direction over the object's own equator, 90 = seen from its top end.
    axis: where the object's top end points in the image, 0 = up, 90 = right, 0..360.
    """
    turn = object_to_world[:3, :3]
    centre = turn @ middle + object_to_world[:3, 3]
    towards = turn.T @ (world_from_camera[:3, 3] - centre)
    towards /= np.linalg.norm(towards)
    top = world_from_camera[:3, :3].T @ turn[:, 2]
    return {
        "yaw": round(float(np.degrees(np.arctan2(towards[1], towards[0])) % 360), 1),
        "elevation": round(float(np.degrees(np.arcsin(towards[2]))), 1),
        "axis": round(float(np.degrees(np.arctan2(top[0], -top[1])) % 360), 1),
    }
