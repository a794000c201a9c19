"""A table to put things on: its surface, the room around it, and the light that falls on both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from desks import DESKS
from environments import studio
from lamps import broad_light
from meshes import Material, Model, Part, soup
from procedural import box
from renderer import Instance, Lighting
from textures import SURFACES, random_texture

TABLE_ID = 253
ROOM_ID = 254
FLOOR_DEPTH = 8.0


class Stage:
    """Tables and rooms of `models` for furniture, with surfaces from `pictures` (textures) and
    light from `environments`."""

    def __init__(
        self,
        models: Sequence[Model],
        pictures: Sequence[np.ndarray],
        environments: Sequence[np.ndarray],
        aspect: float,
    ) -> None:
        self.models, self.pictures, self.environments = models, pictures, environments
        self.aspect = aspect

    def model(self, rng: np.random.Generator) -> Model:
        """Any of the models."""
        return self.models[int(rng.integers(len(self.models)))]

    def placed(
        self, rng: np.random.Generator, model: Model, scale: float, where: np.ndarray, number: int
    ) -> tuple[Instance, float]:
        """The model on the table at `where`, upright or lying, and its longest side."""
        turn = rotation(2, rng.uniform(0, 2 * np.pi))
        # One thing in four lies on a side, as things on tables do.
        lie = rotation(int(rng.integers(2)), np.pi / 2) if rng.random() < 0.25 else np.eye(3)
        tilt = rotation(0, rng.normal(0, 0.03))
        matrix = scale * turn @ tilt @ lie * (1 + rng.normal(0, 0.06, 3).clip(-0.15, 0.15))
        points = np.concatenate([part.vertices[::3, :3] for part in model.parts]) @ matrix.T
        low, high = points.min(axis=0), points.max(axis=0)
        pose = np.eye(4)
        pose[:3, :3] = matrix
        middle = (low + high) / 2
        pose[:3, 3] = [where[0] - middle[0], where[1] - middle[1], -low[2]]
        return Instance(model.parts, pose, number), float((high - low).max())

    def room(
        self, rng: np.random.Generator, reach: float, surface: np.ndarray | None
    ) -> list[Instance]:
        """The table top (of `surface`, or of any), the floor below it, and furniture behind."""
        if rng.random() < 0.6:
            half = [60.0, 60.0]
        else:
            half = (reach * rng.uniform(0.5, 1.6, 2)).tolist()
        top = np.array([2 * half[0], 2 * half[1], rng.uniform(0.2, 0.6)])
        pose = np.eye(4)
        pose[:3, :3] = rotation(2, rng.uniform(0, np.pi))
        pose[2, 3] = -top[2] / 2
        table = box(top, 0.02)
        table[:, 6:8] = table[:, :2] / rng.uniform(1.5, 12)
        material = Material(
            texture=self.surface(rng) if surface is None else surface,
            colour=(1.0, 1.0, 1.0),
            roughness=rng.uniform(0.1, 1),
        )
        instances = [Instance([Part(table, material)], pose, TABLE_ID)]
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]]) * 80.0
        floor = np.hstack([corners, np.full((6, 1), -FLOOR_DEPTH)])
        ground = Material(
            texture=self.surface(rng), colour=(1.0, 1.0, 1.0), roughness=rng.uniform(0.4, 1)
        )
        instances.append(Instance([Part(soup(floor, corners / 9), ground)], np.eye(4), ROOM_ID))
        for _ in range(int(rng.integers(0, 5))):
            where = direction(rng, 0.0)[:2] * rng.uniform(14, 40)
            far, _ = self.placed(rng, self.model(rng), rng.uniform(6, 18), where, ROOM_ID)
            far.pose[2, 3] -= FLOOR_DEPTH
            instances.append(far)
        return instances

    def surface(self, rng: np.random.Generator) -> np.ndarray:
        """Any surface: a texture of a model, or one made up, seldom of a strong colour."""
        if rng.random() < 0.35:
            picture = self.pictures[int(rng.integers(len(self.pictures)))]
            gain = rng.uniform(0.6, 1.15)
            return (picture * gain).clip(0, 255).astype(np.uint8)
        surface = random_texture(rng, SURFACES)
        # Tables are seldom of a strong colour.
        share = rng.choice([0.0, rng.random()], p=[0.4, 0.6])
        grey = surface.mean(axis=2, keepdims=True)
        return (surface + share * (grey - surface)).astype(np.uint8)

    def lighting(self, rng: np.random.Generator) -> Lighting:
        """A place or a studio around, with a key light or without."""
        if rng.random() < 0.6:
            environment = self.environments[int(rng.integers(len(self.environments)))]
        else:
            environment = studio(rng)
        strength = rng.choice([0.0, rng.uniform(0.3, 1.2), rng.uniform(1.0, 3.0)])
        tint = 1 + rng.normal(0, 0.08, 3)
        red, green, blue = (float(value) for value in strength * tint)
        key = direction(rng, np.radians(rng.uniform(20, 85)))
        softness = float(np.exp(rng.uniform(np.log(0.003), np.log(0.06))))
        ambient = float(rng.uniform(0.7, 1.6) if strength < 0.5 else rng.uniform(0.3, 1.2))
        return Lighting(
            environment, key, (red, green, blue), softness, ambient, float(rng.random())
        )

    def ordinary(self, rng: np.random.Generator) -> np.ndarray:
        """Half of the tables are plain or nearly so, and mostly pale."""
        kind = rng.random()
        if kind < 0.3:
            return random_texture(rng, DESKS)
        surface = self.surface(rng)
        if kind < 0.45:
            return surface
        mean = surface.mean(axis=(0, 1))
        pale = rng.uniform(90, 250) * np.exp(rng.normal(0, 0.05, 3))
        target = mean + rng.uniform(0.5, 1.0) * (pale - mean)
        toned = target + rng.uniform(0.03, 0.5) * (surface - mean)
        return toned.clip(0, 255).astype(np.uint8)

    def broad_lighting(self, rng: np.random.Generator, surface: np.ndarray) -> Lighting:
        """Many lamps in place of a key light, and the light that the table throws back."""
        plain = self.lighting(rng)
        lamps = broad_light(rng, plain.environment, plain.turn)
        # Linear, as light adds up.
        albedo = (surface.reshape(-1, 3).mean(axis=0) / 255.0) ** 2.2
        red, green, blue = (float(value) for value in albedo * rng.uniform(0.3, 0.8))
        return replace(plain, key=(0.0, 0.0, 0.0), lamps=lamps, bounce=(red, green, blue))


def direction(rng: np.random.Generator, elevation: float) -> np.ndarray:
    """A unit vector at `elevation` radians above the horizon and any azimuth."""
    azimuth = rng.uniform(0, 2 * np.pi)
    level = np.cos(elevation)
    return np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])


def rotation(axis: int, angle: float) -> np.ndarray:
    """(3, 3), by `angle` radians about x, y or z."""
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def centre(instance: Instance) -> np.ndarray:
    """The middle of its bounds in the world, (3,)."""
    placed = _points(instance)
    return (placed.min(axis=0) + placed.max(axis=0)) / 2


def extent(instance: Instance) -> np.ndarray:
    """The sides of its bounds in the world, (3,)."""
    return np.ptp(_points(instance), axis=0)


def _points(instance: Instance) -> np.ndarray:
    """A corner of each of its triangles, in the world."""
    points = np.concatenate([part.vertices[::3, :3] for part in instance.parts])
    return points @ instance.pose[:3, :3].T + instance.pose[:3, 3]
