"""Random places to look at: a table with things on it, light, a room around, and a camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from desks import DESKS
from meshes import Model
from projections import look_at, perspective
from renderer import Instance, Lighting
from stages import Stage, centre, direction, extent
from textures import random_texture


@dataclass(frozen=True)
class Scene:
    """All that `Renderer.render` needs. The things have ids 1, 2, ...; in a show, 1 is what is
    shown."""

    instances: list[Instance]
    lighting: Lighting
    view: np.ndarray
    projection: np.ndarray
    reach: float


class SceneMaker(Stage):
    """Arranges `models` on the stage, and looks at them."""

    def sprite(self, rng: np.random.Generator, model: Model) -> Scene:
        """One thing alone in the void, seen from anywhere above, filling the picture."""
        thing, size = self.placed(rng, model, 1.0, np.zeros(2), 1)
        fov = rng.uniform(0.3, 0.9)
        eye = direction(rng, np.radians(rng.uniform(-5, 90))) * 0.55 * size / np.tan(fov / 2)
        target = centre(thing)
        view = look_at(target + eye * rng.uniform(1.0, 1.2), target)
        return Scene([thing], self.lighting(rng), view, perspective(fov, 1.0), 1.5)

    def show(self, rng: np.random.Generator) -> Scene:
        """One thing shown on a table; what else lies there is farther from the centre and
        smaller."""
        main, size = self.placed(rng, self.model(rng), 1.0, np.zeros(2), 1)
        things = [main]
        if rng.random() < 0.65:
            for place in range(int(rng.integers(1, 5))):
                scale = rng.uniform(0.2, 0.9)
                where = direction(rng, 0.0)[:2] * (0.5 * size + 0.6 * scale + rng.uniform(0.2, 1.8))
                things.append(self.placed(rng, self.model(rng), scale, where, place + 2)[0])
        fov = rng.uniform(0.5, 1.1)
        share = np.exp(rng.uniform(np.log(0.18), np.log(1.0)))
        distance = size / (2 * np.tan(fov / 2) * share)
        target = centre(main) + rng.normal(0, 0.1, 3) * [1, 1, 0] * distance * np.tan(fov / 2)
        return self._scene(rng, things, target, distance, fov, 3.0 + 0.5 * distance)

    def desk(self, rng: np.random.Generator, main: Model, *, plain: bool) -> Scene:
        """`main` shown, often small, on a surface with a strong pattern among things that are cut
        by the border, or smaller, or behind it. `plain`: large, alone, on an ordinary surface."""
        thing, size = self.placed(rng, main, 1.0, np.zeros(2), 1)
        things = [thing]
        fov = rng.uniform(0.5, 1.1)
        low, high = (0.3, 0.9) if plain else (0.07, 0.6)
        share = np.exp(rng.uniform(np.log(low), np.log(high)))
        distance = size / (2 * np.tan(fov / 2) * share)
        half = distance * np.tan(fov / 2)
        if not plain and rng.random() < 0.75:
            for place in range(int(rng.integers(1, 6))):
                things.append(self._beside(rng, size, half, place + 2))
        target = centre(thing) + rng.normal(0, 0.08, 3) * [1, 1, 0] * half
        surface = None if plain else random_texture(rng, DESKS)
        return self._scene(rng, things, target, distance, fov, 2.0 + 2 * half, surface)

    def table(self, rng: np.random.Generator, main: Model) -> Scene:
        """`main` on a table, mostly an ordinary and pale one, in broad light, as in a room; by
        chance with other things that are smaller or cut by the border."""
        thing, size = self.placed(rng, main, 1.0, np.zeros(2), 1)
        things = [thing]
        fov = rng.uniform(0.4, 1.1)
        share = np.exp(rng.uniform(np.log(0.1), np.log(0.9)))
        distance = size / (2 * np.tan(fov / 2) * share)
        half = distance * np.tan(fov / 2)
        if rng.random() < 0.45:
            for place in range(int(rng.integers(1, 5))):
                things.append(self._beside(rng, size, half, place + 2))
        target = centre(thing) + rng.normal(0, 0.1, 3) * [1, 1, 0] * half
        surface = self.ordinary(rng)
        scene = self._scene(rng, things, target, distance, fov, 1.6 + 1.2 * half, surface)
        return replace(scene, lighting=self.broad_lighting(rng, surface))

    def _beside(self, rng: np.random.Generator, size: float, half: float, number: int) -> Instance:
        """Something smaller than a thing of `size` and close to it, or larger and at the border
        of a view that reaches `half` far."""
        if rng.random() < 0.4:
            scale = size * rng.uniform(0.25, 0.7)
            far = 0.5 * size + 0.6 * scale + rng.uniform(0.02, 0.8) * size
        else:
            scale = min(half * rng.uniform(0.3, 1.0), 4.0)
            far = max(half * rng.uniform(1.0, 1.6), 0.5 * size + 0.7 * scale)
        where = direction(rng, 0.0)[:2] * far
        return self.placed(rng, self.model(rng), scale, where, number)[0]

    def clutter(self, rng: np.random.Generator) -> Scene:
        """Three to fourteen things of several sizes close together on a table."""
        count = int(rng.integers(3, 15))
        things: list[Instance] = []
        taken: list[tuple[np.ndarray, float]] = []
        spread = 0.75 * np.sqrt(count) * rng.uniform(0.6, 1.2)
        for _ in range(4 * count):
            scale = float(np.exp(rng.uniform(np.log(0.35), np.log(1.6))))
            where = direction(rng, 0.0)[:2] * spread * np.sqrt(rng.random())
            thing, size = self.placed(rng, self.model(rng), scale, where, len(things) + 1)
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
            thing, _ = self.placed(rng, model, scale, np.zeros(2), len(things) + 1)
            radius = 0.47 * float(extent(thing)[:2].max())
            where = np.zeros(2)
            if things:
                beside = taken[int(rng.integers(len(taken)))]
                far = beside[2] + radius + rng.uniform(0.0, gap)
                where = beside[:2] + direction(rng, 0.0)[:2] * far
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
        surface = self.ordinary(rng)
        scene = self._scene(rng, things, target, distance, fov, reach + 2.0, surface)
        return replace(scene, lighting=self.broad_lighting(rng, surface))

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
        eye = target + direction(rng, elevation) * distance
        eye[2] = max(eye[2], 0.15)
        view = look_at(eye, target, rng.normal(0, 0.08))
        room = self.room(rng, reach, surface)
        lighting = self.lighting(rng)
        return Scene([*things, *room], lighting, view, perspective(fov, self.aspect), reach)
