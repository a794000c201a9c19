"""Renders the pretraining pictures: sprites, shows (one thing on a table), clutter (many
things), of the crafted things pieces (sprites) and desks (shows that are hard), tables (shows
in broad light) and crowds (many things next to each other).

    python render.py --environments PACKAGE --out DATA --sprites 2378 --shows 1500 --clutter 572

The kinds are made in turn, so that stopping early leaves a usable mixture; what exists is
skipped, so that starting again goes on. Every picture has its own seed.
"""

from __future__ import annotations

import argparse
import json
import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from crafted import HELD_OUT_SEED, make_crafted
from environments import read_environments
from meshes import Model, read_catalogues
from pictures import HELD_OUT
from procedural import make_model
from renderer import Renderer
from scenes import Scene, SceneMaker
from stages import ROOM_ID, TABLE_ID

SCENE_SIZE = (416, 320)
CROWD_SIZE = (640, 480)  # as cameras have it: its edges are as sharp as theirs
SPRITE_SIZE = 256
PROCEDURAL_MODELS = 420
SMALLEST_INSTANCE = 40
CRAFTED_MODELS = 800
KINDS = ("sprite", "show", "clutter", "piece", "desk", "table", "crowd")


def main() -> None:
    """Reads the options, loads the models, renders what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sprites", type=int, default=3000)
    parser.add_argument("--shows", type=int, default=3600)
    parser.add_argument("--clutter", type=int, default=2600)
    parser.add_argument("--pieces", type=int, default=2400)
    parser.add_argument("--desks", type=int, default=2400)
    parser.add_argument("--tables", type=int, default=3000)
    parser.add_argument("--crowds", type=int, default=3000)
    parser.add_argument("--only", choices=KINDS, help="make this kind alone")
    parser.add_argument("--models", type=int, default=None, help="stop reading after that many")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    models = _models(options.models)
    _write_sources(models, options.out)
    textures = {
        id(part.material.texture): part.material.texture for m in models for part in m.parts
    }
    pictures = [t for t in textures.values() if t is not None and min(t.shape[:2]) >= 128]
    environments = read_environments(options.environments)
    maker = SceneMaker(models, pictures, environments, SCENE_SIZE[0] / SCENE_SIZE[1])
    logging.info(
        "%d models, %d pictures, %d environments", len(models), len(pictures), len(environments)
    )
    planned = (
        options.sprites,
        options.shows,
        options.clutter,
        options.pieces,
        options.desks,
        options.tables,
        options.crowds,
    )
    counts = dict(zip(KINDS, planned, strict=True))
    works = [
        (_turn(kind, number, count), kind, number)
        for kind, count in counts.items()
        if options.only in (None, kind)
        for number in range(count)
    ]
    crafted = [make_crafted(seed) for seed in range(CRAFTED_MODELS)]
    held_out = {"desk": options.desks - HELD_OUT, "table": options.tables - HELD_OUT}
    studio = Studio(maker, models, crafted, held_out, options.seed)
    _render_all(sorted(works), studio, options.out)


@dataclass(frozen=True)
class Studio:
    """Makes the scene of a picture from its kind and number."""

    maker: SceneMaker
    models: list[Model]
    crafted: list[Model]
    first_held_out: dict[str, int]
    seed: int

    def scene(self, kind: str, number: int) -> tuple[Scene, np.random.Generator]:
        """The scene, and the generator of random numbers for what is left to choose."""
        rng = np.random.default_rng([self.seed, KINDS.index(kind), number])
        if kind == "sprite":
            return self.maker.sprite(rng, self.models[number % len(self.models)]), rng
        if kind == "piece":
            return self.maker.sprite(rng, self.crafted[number % len(self.crafted)]), rng
        if kind == "desk":
            return self._desk(rng, number), rng
        if kind == "table":
            return self._table(rng, number), rng
        if kind == "crowd":
            return self.maker.crowd(rng, [*self.models, *self.crafted]), rng
        return (self.maker.show(rng) if kind == "show" else self.maker.clutter(rng)), rng

    def _desk(self, rng: np.random.Generator, number: int) -> Scene:
        """What is held out shows things that are in no other picture: even numbers on desks that
        are hard, odd ones large and alone."""
        held_out = number - self.first_held_out["desk"]
        if held_out >= 0:
            model = make_crafted(HELD_OUT_SEED + held_out)
            return self.maker.desk(rng, model, plain=bool(number % 2))
        known = self.crafted if rng.random() < 0.6 else self.models
        model = known[int(rng.integers(len(known)))]
        return self.maker.desk(rng, model, plain=rng.random() < 0.25)

    def _table(self, rng: np.random.Generator, number: int) -> Scene:
        """What is held out shows things that are in no other picture."""
        held_out = number - self.first_held_out["table"]
        if held_out >= 0:
            return self.maker.table(rng, make_crafted(HELD_OUT_SEED + HELD_OUT + held_out))
        known = self.crafted if rng.random() < 0.5 else self.models
        return self.maker.table(rng, known[int(rng.integers(len(known)))])


def _turn(kind: str, number: int, count: int) -> float:
    """When to render: what is held out for measuring comes first, the rest evenly mixed."""
    held_out = kind not in ("sprite", "piece") and number >= count - HELD_OUT
    return -1.0 if held_out else number / count


def _models(limit: int | None) -> list[Model]:
    models = []
    for model in read_catalogues():
        models.append(model)
        if limit is not None and len(models) >= limit:
            break
    # Fixed order of our own: the catalogues come sorted by room.
    order = np.random.default_rng(1).permutation(len(models))
    return [models[place] for place in order] + [
        make_model(seed) for seed in range(PROCEDURAL_MODELS)
    ]


def _write_sources(models: list[Model], out: Path) -> None:
    """sources.json: who made what, under which licence."""
    out.mkdir(parents=True, exist_ok=True)
    rows = [{"name": m.name, "licence": m.licence, "author": m.author} for m in models]
    (out / "sources.json").write_text(json.dumps(rows, indent=1))


def _render_all(works: list[tuple[float, str, int]], studio: Studio, out: Path) -> None:
    sprites = Renderer(SPRITE_SIZE, SPRITE_SIZE)
    scenes, crowds = Renderer(*SCENE_SIZE), Renderer(*CROWD_SIZE)
    for kind in KINDS:
        (out / kind).mkdir(exist_ok=True)
    for done, (_, kind, number) in enumerate(works):
        target = out / kind / f"{number:05d}.png"
        if target.exists():
            continue
        scene, rng = studio.scene(kind, number)
        if kind in ("sprite", "piece"):
            _save_sprite(sprites, scene, target)
        else:
            renderer = crowds if kind == "crowd" else scenes
            _save_scene(renderer, scene, target, rng, broad=kind in ("table", "crowd"))
        if done % 100 == 99:
            sprites.forget_meshes()
            scenes.forget_meshes()
            crowds.forget_meshes()
            logging.info("%d of %d", done + 1, len(works))


def _save_sprite(renderer: Renderer, scene: Scene, target: Path) -> None:
    """RGBA, cropped to what is there, colours not multiplied with alpha."""
    renderer.activate()
    colour, _ = renderer.render(*_arguments(scene), reach=scene.reach, sky=False)
    rows, columns = np.nonzero(colour[..., 3] > 8)
    if len(rows) < SMALLEST_INSTANCE:
        return
    crop = colour[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1].astype(np.float32)
    crop[..., :3] /= np.maximum(crop[..., 3:], 1) / 255
    cv2.imwrite(str(target), crop.clip(0, 255).astype(np.uint8)[..., [2, 1, 0, 3]])


def _save_scene(
    renderer: Renderer, scene: Scene, target: Path, rng: np.random.Generator, *, broad: bool
) -> None:
    """A JPEG picture, and ids as PNG: 0 background, 1... things; the room is a little out of
    focus."""
    renderer.activate()
    colour, ids = renderer.render(*_arguments(scene), reach=scene.reach)
    image = colour[..., 2::-1].copy()
    ids = ids[::2, ::2].copy()
    room = ((ids == 0) | (ids == ROOM_ID)).astype(np.float32)
    sigma = rng.uniform(0.3, 4)
    share = cv2.GaussianBlur(room, (0, 0), sigma)[..., None]
    blurred = cv2.GaussianBlur(image, (0, 0), sigma)
    image = image * (1 - share) + blurred * share
    # The camera's automatic exposure, which is never quite right.
    wanted = rng.uniform(80, 215) if broad else rng.uniform(70, 185)
    gain = np.clip(wanted / max(float(image.mean()), 1.0), 0.6, 3.0)
    image = (image * gain).clip(0, 255).astype(np.uint8)
    ids[ids >= TABLE_ID] = 0
    for number in np.unique(ids):
        if number and (ids == number).sum() < SMALLEST_INSTANCE:
            ids[ids == number] = 0
    cv2.imwrite(str(target.with_suffix(".jpg")), image, [cv2.IMWRITE_JPEG_QUALITY, 95])
    cv2.imwrite(str(target), ids)


def _arguments(scene: Scene) -> tuple:
    return scene.instances, scene.lighting, scene.view, scene.projection


if __name__ == "__main__":
    main()
