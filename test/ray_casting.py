"""Depth maps with their ground truth: shapes of known size and pose, met by a camera's rays."""

from dataclasses import dataclass

import numpy as np

from automask_ros.detection.pinhole import PinholeCamera
from automask_ros.types import Detections, PlacedMask


@dataclass(frozen=True)
class Camera:
    """A pinhole camera whose principal point lies in the middle of its picture."""

    height: int = 480
    width: int = 640
    focal_length: float = 600.0

    @property
    def pinhole(self):
        """The camera as the code under test takes it."""
        middle = (self.width - 1) / 2, (self.height - 1) / 2
        return PinholeCamera(self.focal_length, self.focal_length, *middle)

    def rays(self):
        """The direction of each pixel, (H, W, 3), one metre long ahead."""
        row, column = np.mgrid[: self.height, : self.width]
        x = (column - (self.width - 1) / 2) / self.focal_length
        y = (row - (self.height - 1) / 2) / self.focal_length
        return np.stack([x, y, np.ones_like(x)], 2)


@dataclass(frozen=True)
class Box:
    """A cuboid; the columns of `rotation` are its axes, `size` is along them."""

    centre: tuple
    size: tuple
    rotation: np.ndarray

    def depth(self, rays):
        """Where the rays enter it, (H, W); infinite where they miss it."""
        origin, direction = -self.rotation.T @ np.array(self.centre), rays @ self.rotation
        return _between_slabs(origin, direction, np.array(self.size) / 2)


@dataclass(frozen=True)
class Cylinder:
    """A round thing whose axis is the second column of `rotation`."""

    centre: tuple
    radius: float
    length: float
    rotation: np.ndarray

    def depth(self, rays):
        """Where the rays enter it, (H, W); infinite where they miss it."""
        origin, direction = -self.rotation.T @ np.array(self.centre), rays @ self.rotation
        enter, leave = _in_ball(origin[[0, 2]], direction[..., [0, 2]], self.radius)
        caps = _slab(origin[1], direction[..., 1], self.length / 2)
        return _entry(np.maximum(enter, caps[0]), np.minimum(leave, caps[1]))


@dataclass(frozen=True)
class Sphere:
    """A ball."""

    centre: tuple
    radius: float

    def depth(self, rays):
        """Where the rays enter it, (H, W); infinite where they miss it."""
        return _entry(*_in_ball(-np.array(self.centre), rays, self.radius))


@dataclass(frozen=True)
class Wall:
    """A plane that fills the view, so many metres away along the optical axis."""

    distance: float
    normal: tuple = (0.0, 0.0, 1.0)

    def depth(self, rays):
        """Where the rays meet it, (H, W)."""
        return self.normal[2] * self.distance / (rays @ np.array(self.normal))


def turned(*turns):
    """The rotation of turns such as ('x', 30), in degrees, the last one done first."""
    rotation = np.eye(3)
    for axis, degrees in turns:
        one, other = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
        turn = np.eye(3)
        turn[one, one] = turn[other, other] = np.cos(np.radians(degrees))
        turn[other, one] = np.sin(np.radians(degrees))
        turn[one, other] = -turn[other, one]
        rotation = rotation @ turn
    return rotation


def cast(camera, *things):
    """What a camera sees: depth (H, W) float32 in metres, NaN for nothing, and the (H, W) index of
    the thing that is seen there, -1 for nothing."""
    rays = camera.rays()
    depths = np.stack([thing.depth(rays) for thing in things])
    nearest = depths.min(0)
    seen = np.isfinite(nearest)
    depth = np.where(seen, nearest, np.nan).astype(np.float32)
    return depth, np.where(seen, depths.argmin(0), -1)


def measured(depth, seed, noise=0.001):
    """`depth` as a sensor gives it: noise in metres that grows with the distance's square, flying
    pixels at edges, one of a hundred pixels lost."""
    random = np.random.default_rng(seed)
    for axis in (0, 1):
        beside = np.roll(depth, 1, axis)
        flying = (np.abs(beside - depth) > 0.01) & (random.random(depth.shape) < 0.5)
        share = random.random(depth.shape)
        depth = np.where(flying, share * depth + (1 - share) * beside, depth)
    depth = depth + random.normal(0, noise, depth.shape) * depth**2
    return np.where(random.random(depth.shape) < 0.01, np.nan, depth).astype(np.float32)


def detections_of(*masks):
    """Detections with these (H, W) masks, the first one the best."""
    count = len(masks)
    return Detections(
        boxes=np.zeros((count, 4), np.float32),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        class_ids=np.arange(1, count + 1, dtype=np.int32),
        labels=tuple(f"thing_{index}" for index in range(count)),
        masks=tuple(_placed(mask) for mask in masks),
        image_size=masks[0].shape,
    )


def _placed(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return PlacedMask(0, 0, np.zeros((0, 0), bool))
    window = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    return PlacedMask(int(rows[0]), int(columns[0]), mask[window].copy())


def _slab(origin, direction, half):
    with np.errstate(divide="ignore"):
        bounds = np.stack([(-half - origin) / direction, (half - origin) / direction])
    return bounds.min(0), bounds.max(0)


def _between_slabs(origin, direction, halves):
    slabs = [_slab(origin[i], direction[..., i], halves[i]) for i in range(3)]
    return _entry(np.max([slab[0] for slab in slabs], 0), np.min([slab[1] for slab in slabs], 0))


def _in_ball(origin, direction, radius):
    square = (direction**2).sum(-1)
    half = direction @ origin
    root = half**2 - square * (origin @ origin - radius**2)
    width = np.sqrt(np.maximum(root, 0))
    hit = root > 0
    enter = np.where(hit, (-half - width) / square, np.inf)
    return enter, np.where(hit, (-half + width) / square, -np.inf)


def _entry(enter, leave):
    return np.where((enter < leave) & (enter > 0), enter, np.inf)
