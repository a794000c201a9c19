"""Random places to look at: a table with things on it, light, a room around, and a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from desks import DESKS
from environments import studio
from lamps import broad_light
from meshes import Material, Model, Part, soup
from procedural import box
from projections import look_at, perspective
from renderer import Instance, Lighting
from textures import SURFACES, random_texture

TABLE_ID = 253
ROOM_ID = 254
FLOOR_DEPTH = 8.0


@dataclass(frozen=True)
class Scene:
    """All that `Renderer.render` needs. The things have ids 1, 2, ...; in a show, 1 is what is
    shown."""

    instances: list[Instance]
    lighting: Lighting
    view: np.ndarray
    projection: np.ndarray
    reach: float


class SceneMaker:
    """Makes scenes of `models`, with surfaces from `pictures` (textures) and light from
    `environments`."""

    def __init__(
        self,
        models: Sequence[Model],
        pictures: Sequence[np.ndarray],
        environments: Sequence[np.ndarray],
        aspect: float,
    ) -> None:
        self.models, self.pictures, self.environments = models, pictures, environments
        self.aspect = aspect

    def sprite(self, rng: np.random.Generator, model: Model) -> Scene:
        """One thing alone in the void, seen from anywhere above, filling the picture."""
        thing, size = self._placed(rng, model, 1.0, np.zeros(2), 1)
        fov = rng.uniform(0.3, 0.9)
        eye = _direction(rng, np.radians(rng.uniform(-5, 90))) * 0.55 * size / np.tan(fov / 2)
        target = _centre(thing)
        view = look_at(target + eye * rng.uniform(1.0, 1.2), target)
        return Scene([thing], self._lighting(rng), view, perspective(fov, 1.0), 1.5)

    def show(self, rng: np.random.Generator) -> Scene:
        """One thing shown on a table; what else lies there is farther from the centre and
        smaller."""
        main, size = self._placed(rng, self._model(rng), 1.0, np.zeros(2), 1)
        things = [main]
        if rng.random() < 0.65:
            for place in range(int(rng.integers(1, 5))):
                scale = rng.uniform(0.2, 0.9)
                where = _direction(rng, 0.0)[:2] * (
                    0.5 * size + 0.6 * scale + rng.uniform(0.2, 1.8)
                )
                things.append(self._placed(rng, self._model(rng), scale, where, place + 2)[0])
        fov = rng.uniform(0.5, 1.1)
        share = np.exp(rng.uniform(np.log(0.18), np.log(1.0)))
        distance = size / (2 * np.tan(fov / 2) * share)
        target = _centre(main) + rng.normal(0, 0.1, 3) * [1, 1, 0] * distance * np.tan(fov / 2)
        return self._scene(rng, things, target, distance, fov, 3.0 + 0.5 * distance)

    def desk(self, rng: np.random.Generator, main: Model, *, plain: bool) -> Scene:
        """`main` shown, often small, on a surface with a strong pattern among things that are cut
        by the border, or smaller, or behind it. `plain`: large, alone, on an ordinary surface."""
        thing, size = self._placed(rng, main, 1.0, np.zeros(2), 1)
        things = [thing]
        fov = rng.uniform(0.5, 1.1)
        low, high = (0.3, 0.9) if plain else (0.07, 0.6)
        share = np.exp(rng.uniform(np.log(low), np.log(high)))
        distance = size / (2 * np.tan(fov / 2) * share)
        half = distance * np.tan(fov / 2)
        if not plain and rng.random() < 0.75:
            for place in range(int(rng.integers(1, 6))):
                things.append(self._beside(rng, size, half, place + 2))
        target = _centre(thing) + rng.normal(0, 0.08, 3) * [1, 1, 0] * half
        surface = None if plain else random_texture(rng, DESKS)
        return self._scene(rng, things, target, distance, fov, 2.0 + 2 * half, surface)

    def table(self, rng: np.random.Generator, main: Model) -> Scene:
        """`main` on a table, mostly an ordinary and pale one, in broad light, as in a room; by
        chance with other things that are smaller or cut by the border."""
        thing, size = self._placed(rng, main, 1.0, np.zeros(2), 1)
        things = [thing]
        fov = rng.uniform(0.4, 1.1)
        share = np.exp(rng.uniform(np.log(0.1), np.log(0.9)))
        distance = size / (2 * np.tan(fov / 2) * share)
        half = distance * np.tan(fov / 2)
        if rng.random() < 0.45:
            for place in range(int(rng.integers(1, 5))):
                things.append(self._beside(rng, size, half, place + 2))
        target = _centre(thing) + rng.normal(0, 0.1, 3) * [1, 1, 0] * half
        surface = self._ordinary(rng)
        scene = self._scene(rng, things, target, distance, fov, 1.6 + 1.2 * half, surface)
        return replace(scene, lighting=self._broad_lighting(rng, surface))

    def _ordinary(self, rng: np.random.Generator) -> np.ndarray:
        """Half of the tables are plain or nearly so, and mostly pale."""
        kind = rng.random()
        if kind < 0.3:
            return random_texture(rng, DESKS)
        surface = self._surface(rng)
        if kind < 0.45:
            return surface
        mean = surface.mean(axis=(0, 1))
        pale = rng.uniform(90, 250) * np.exp(rng.normal(0, 0.05, 3))
        target = mean + rng.uniform(0.5, 1.0) * (pale - mean)
        toned = target + rng.uniform(0.03, 0.5) * (surface - mean)
        return toned.clip(0, 255).astype(np.uint8)

    def _broad_lighting(self, rng: np.random.Generator, surface: np.ndarray) -> Lighting:
        """Many lamps in place of a key light, and the light that the table throws back."""
        plain = self._lighting(rng)
        lamps = broad_light(rng, plain.environment, plain.turn)
        # Linear, as light adds up.
        albedo = (surface.reshape(-1, 3).mean(axis=0) / 255.0) ** 2.2
        red, green, blue = (float(value) for value in albedo * rng.uniform(0.3, 0.8))
        return replace(plain, key=(0.0, 0.0, 0.0), lamps=lamps, bounce=(red, green, blue))

    def _beside(self, rng: np.random.Generator, size: float, half: float, number: int) -> Instance:
        """Something smaller than a thing of `size` and close to it, or larger and at the border
        of a view that reaches `half` far."""
        if rng.random() < 0.4:
            scale = size * rng.uniform(0.25, 0.7)
            far = 0.5 * size + 0.6 * scale + rng.uniform(0.02, 0.8) * size
        else:
            scale = min(half * rng.uniform(0.3, 1.0), 4.0)
            far = max(half * rng.uniform(1.0, 1.6), 0.5 * size + 0.7 * scale)
        where = _direction(rng, 0.0)[:2] * far
        return self._placed(rng, self._model(rng), scale, where, number)[0]

    def clutter(self, rng: np.random.Generator) -> Scene:
        """Three to fourteen things of several sizes close together on a table."""
        count = int(rng.integers(3, 15))
        things: list[Instance] = []
        taken: list[tuple[np.ndarray, float]] = []
        spread = 0.75 * np.sqrt(count) * rng.uniform(0.6, 1.2)
        for _ in range(4 * count):
            scale = float(np.exp(rng.uniform(np.log(0.35), np.log(1.6))))
            where = _direction(rng, 0.0)[:2] * spread * np.sqrt(rng.random())
            thing, size = self._placed(rng, self._model(rng), scale, where, len(things) + 1)
            radius = 0.42 * size
            if all(np.linalg.norm(where - other) > radius + rest for other, rest in taken):
                things.append(thing)
                taken.append((where, radius))
            if len(things) == count:
                break
        fov = rng.uniform(0.5, 1.1)
        distance = (spread + 0.5) / np.tan(fov / 2) * rng.uniform(0.55, 1.25)
        target = np.array([*rng.normal(0, 0.15 * spread, 2), 0.2])
        return self._scene(rng, things, target, distance, fov, spread + 2.5)

    def crowd(self, rng: np.random.Generator, models: Sequence[Model]) -> Scene:
        """Four to eighteen of `models` next to each other, many almost touching, on a table in
        broad light: what a robot looks at that shall pick one of them."""
        count = int(rng.integers(4, 19))
        things: list[Instance] = []
        taken = np.zeros((0, 3))  # x, y, radius
        gap = float(np.exp(rng.uniform(np.log(0.02), np.log(0.6))))
        for _ in range(3 * count):
            scale = float(np.exp(rng.uniform(np.log(0.4), np.log(1.5))))
            model = models[int(rng.integers(len(models)))]
            thing, _ = self._placed(rng, model, scale, np.zeros(2), len(things) + 1)
            radius = 0.47 * float(_extent(thing)[:2].max())
            where = np.zeros(2)
            if things:
                beside = taken[int(rng.integers(len(taken)))]
                far = beside[2] + radius + rng.uniform(0.0, gap)
                where = beside[:2] + _direction(rng, 0.0)[:2] * far
            if (np.linalg.norm(taken[:, :2] - where, axis=1) < taken[:, 2] + 0.98 * radius).any():
                continue
            thing.pose[:2, 3] += where
            things.append(thing)
            taken = np.vstack([taken, [*where, radius]])
            if len(things) == count:
                break
        reach = float((np.linalg.norm(taken[:, :2] - taken[:, :2].mean(0), axis=1)).max() + 0.5)
        fov = rng.uniform(0.4, 1.1)
        distance = reach / np.tan(fov / 2) * rng.uniform(0.5, 1.2)
        target = np.array([*(taken[:, :2].mean(0) + rng.normal(0, 0.15 * reach, 2)), 0.2])
        surface = self._ordinary(rng)
        scene = self._scene(rng, things, target, distance, fov, reach + 2.0, surface)
        return replace(scene, lighting=self._broad_lighting(rng, surface))

    def _scene(
        self,
        rng: np.random.Generator,
        things: list[Instance],
        target: np.ndarray,
        distance: float,
        fov: float,
        reach: float,
        surface: np.ndarray | None = None,
    ) -> Scene:
        elevation = np.radians(
            rng.choice([rng.uniform(12, 40), rng.uniform(30, 70), rng.uniform(65, 90)])
        )
        eye = target + _direction(rng, elevation) * distance
        eye[2] = max(eye[2], 0.15)
        view = look_at(eye, target, rng.normal(0, 0.08))
        room = self._room(rng, reach, surface)
        lighting = self._lighting(rng)
        return Scene([*things, *room], lighting, view, perspective(fov, self.aspect), reach)

    def _model(self, rng: np.random.Generator) -> Model:
        return self.models[int(rng.integers(len(self.models)))]

    def _placed(
        self, rng: np.random.Generator, model: Model, scale: float, where: np.ndarray, number: int
    ) -> tuple[Instance, float]:
        """The model on the table at `where`, upright or lying, and its longest side."""
        turn = _rotation(2, rng.uniform(0, 2 * np.pi))
        # One thing in four lies on a side, as things on tables do.
        lie = _rotation(int(rng.integers(2)), np.pi / 2) if rng.random() < 0.25 else np.eye(3)
        tilt = _rotation(0, rng.normal(0, 0.03))
        matrix = scale * turn @ tilt @ lie * (1 + rng.normal(0, 0.06, 3).clip(-0.15, 0.15))
        points = np.concatenate([part.vertices[::3, :3] for part in model.parts]) @ matrix.T
        low, high = points.min(axis=0), points.max(axis=0)
        pose = np.eye(4)
        pose[:3, :3] = matrix
        middle = (low + high) / 2
        pose[:3, 3] = [where[0] - middle[0], where[1] - middle[1], -low[2]]
        return Instance(model.parts, pose, number), float((high - low).max())

    def _room(
        self, rng: np.random.Generator, reach: float, surface: np.ndarray | None
    ) -> list[Instance]:
        """The table top (of `surface`, or of any), the floor below it, and furniture behind."""
        if rng.random() < 0.6:
            half = [60.0, 60.0]
        else:
            half = (reach * rng.uniform(0.5, 1.6, 2)).tolist()
        top = np.array([2 * half[0], 2 * half[1], rng.uniform(0.2, 0.6)])
        pose = np.eye(4)
        pose[:3, :3] = _rotation(2, rng.uniform(0, np.pi))
        pose[2, 3] = -top[2] / 2
        table = box(top, 0.02)
        table[:, 6:8] = table[:, :2] / rng.uniform(1.5, 12)
        material = Material(
            texture=self._surface(rng) if surface is None else surface,
            colour=(1.0, 1.0, 1.0),
            roughness=rng.uniform(0.1, 1),
        )
        instances = [Instance([Part(table, material)], pose, TABLE_ID)]
        corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, -1], [1, 1], [-1, 1]]) * 80.0
        floor = np.hstack([corners, np.full((6, 1), -FLOOR_DEPTH)])
        ground = Material(
            texture=self._surface(rng), colour=(1.0, 1.0, 1.0), roughness=rng.uniform(0.4, 1)
        )
        instances.append(Instance([Part(soup(floor, corners / 9), ground)], np.eye(4), ROOM_ID))
        for _ in range(int(rng.integers(0, 5))):
            where = _direction(rng, 0.0)[:2] * rng.uniform(14, 40)
            far, _ = self._placed(rng, self._model(rng), rng.uniform(6, 18), where, ROOM_ID)
            far.pose[2, 3] -= FLOOR_DEPTH
            instances.append(far)
        return instances

    def _surface(self, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < 0.35:
            picture = self.pictures[int(rng.integers(len(self.pictures)))]
            gain = rng.uniform(0.6, 1.15)
            return (picture * gain).clip(0, 255).astype(np.uint8)
        surface = random_texture(rng, SURFACES)
        # Tables are seldom of a strong colour.
        share = rng.choice([0.0, rng.random()], p=[0.4, 0.6])
        grey = surface.mean(axis=2, keepdims=True)
        return (surface + share * (grey - surface)).astype(np.uint8)

    def _lighting(self, rng: np.random.Generator) -> Lighting:
        if rng.random() < 0.6:
            environment = self.environments[int(rng.integers(len(self.environments)))]
        else:
            environment = studio(rng)
        strength = rng.choice([0.0, rng.uniform(0.3, 1.2), rng.uniform(1.0, 3.0)])
        tint = 1 + rng.normal(0, 0.08, 3)
        red, green, blue = (float(value) for value in strength * tint)
        direction = _direction(rng, np.radians(rng.uniform(20, 85)))
        softness = float(np.exp(rng.uniform(np.log(0.003), np.log(0.06))))
        ambient = float(rng.uniform(0.7, 1.6) if strength < 0.5 else rng.uniform(0.3, 1.2))
        return Lighting(
            environment, direction, (red, green, blue), softness, ambient, float(rng.random())
        )


def _direction(rng: np.random.Generator, elevation: float) -> np.ndarray:
    """A unit vector at `elevation` radians above the horizon and any azimuth."""
    azimuth = rng.uniform(0, 2 * np.pi)
    level = np.cos(elevation)
    return np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(elevation)])


def _rotation(axis: int, angle: float) -> np.ndarray:
    matrix = np.eye(3)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def _centre(instance: Instance) -> np.ndarray:
    placed = _points(instance)
    return (placed.min(axis=0) + placed.max(axis=0)) / 2


def _extent(instance: Instance) -> np.ndarray:
    return np.ptp(_points(instance), axis=0)


def _points(instance: Instance) -> np.ndarray:
    """A corner of each of its triangles, in the world."""
    points = np.concatenate([part.vertices[::3, :3] for part in instance.parts])
    return points @ instance.pose[:3, :3].T + instance.pose[:3, 3]
