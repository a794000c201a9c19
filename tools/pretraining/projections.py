"""From the world to a camera or a lamp, as (4, 4) matrices."""

from __future__ import annotations

import numpy as np


def look_at(eye: np.ndarray, target: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """World to camera, (4, 4); the camera looks down -z."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    up = np.array([0.0, 1.0, 0.0]) if abs(forward[2]) > 0.98 else np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    c, s = np.cos(roll), np.sin(roll)
    right, up = c * right + s * up, c * up - s * right
    view = np.eye(4)
    view[:3, :3] = np.stack([right, up, -forward])
    view[:3, 3] = -view[:3, :3] @ eye
    return view


def perspective(fov: float, aspect: float, near: float = 0.05, far: float = 200.0) -> np.ndarray:
    """(4, 4) projection; `fov` is the vertical angle in radians."""
    f = 1 / np.tan(fov / 2)
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1], matrix[3, 2] = f / aspect, f, -1
    matrix[2, 2], matrix[2, 3] = (far + near) / (near - far), 2 * far * near / (near - far)
    return matrix


def orthographic(half: float, depth: float) -> np.ndarray:
    """(4, 4) projection of a cube-like volume around the target of `look_at` from distance
    `depth`."""
    return np.array(
        [[1 / half, 0, 0, 0], [0, 1 / half, 0, 0], [0, 0, -1 / depth, -1], [0, 0, 0, 1]], float
    )
