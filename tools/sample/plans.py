"""What is shown in each frame: teaching and test scenes, all from one seed. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from camera import Exposure
from poses import CameraPose, Placement, lying_spin, orbit

SEED = 20261122
LABELS = ("cup", "bottle", "can")
TEACH_FRAMES = 60
GROUPS, VIEWS = 22, 3
SEQUENCES = ("teach_cup", "teach_bottle", "teach_can", "scenes")
HEIGHTS = {"cup": 0.090, "bottle": 0.220, "can": 0.180}


@dataclass(frozen=True)
class StagePlan:
    """A furnished room: `props` are placed once and stay, `seed` decides their looks."""

    table: str
    light: str
    props: tuple[Placement, ...]
    seed: int


@dataclass(frozen=True)
class FramePlan:
    objects: tuple[Placement, ...]
    camera: CameraPose
    exposure: Exposure


def _generator(*key: int) -> np.random.Generator:
    return np.random.default_rng([SEED, *key])


def teaching_stage(label: str) -> StagePlan:
    """Clutter at the border of the table and behind it, well away from the object."""
    number = LABELS.index(label)
    rng = _generator(1, number)
    table, light = (
        ("teach_oak", "teach_window"),
        ("teach_linen", "teach_ceiling"),
        ("teach_laminate", "teach_studio"),
    )[number]
    kinds = (
        ("books", "plant", "carton", "bowl"),
        ("carton", "books", "jar", "ball"),
        ("plant", "carton", "books", "bowl"),
    )[number]
    places = ((-0.44, 0.34), (0.50, 0.36), (0.10, 0.42), (-0.58, 0.02))
    props = tuple(
        Placement(
            kind,
            x + float(rng.uniform(-0.05, 0.05)),
            y + float(rng.uniform(-0.03, 0.03)),
            float(rng.uniform(0, 360)),
        )
        for kind, (x, y) in zip(kinds, places, strict=True)
    )
    return StagePlan(table, light, props, 100 + number)


def teaching_frame(label: str, index: int) -> FramePlan:
    """Half of the sequence upright, then lying, then upside down: a full turn in each."""
    number = LABELS.index(label)
    rng = _generator(2, number, index)
    phase = index / TEACH_FRAMES
    if index < 30:
        placement = Placement(label, 0.0, 0.0, heading=12.0 * index + 40 * number)
    elif index < 48:
        step = (index - 30) / 18
        placement = Placement(
            label, 0.0, 0.0, 360 * step + 25, lying_spin(label, (2.6 * step + 0.15) % 1.0), "lying"
        )
    else:
        placement = Placement(label, 0.0, 0.0, 30.0 * (index - 48), 0.0, "inverted")
    reach = {"cup": (0.31, 0.46), "bottle": (0.50, 0.72), "can": (0.40, 0.60)}[label]
    wave = 0.5 + 0.5 * np.sin(2 * np.pi * (2.3 * phase + 0.2 * number))
    rise = 0.5 - 0.5 * np.cos(2 * np.pi * 2.0 * phase)
    middle = HEIGHTS[label] * (0.22 if placement.pose == "lying" else 0.5)
    target = (
        float(0.030 * np.sin(2 * np.pi * 1.7 * phase) + rng.normal(0, 0.003)),
        float(rng.normal(0, 0.004)),
        float(middle + 0.018 * np.cos(2 * np.pi * 1.3 * phase)),
    )
    camera = orbit(
        target,
        -90 + 24 * np.sin(2 * np.pi * 1.1 * phase + number),
        17 + 34 * rise + float(rng.normal(0, 0.6)),
        float(reach[0] + (reach[1] - reach[0]) * wave),
        float(2.5 * np.sin(2 * np.pi * 0.9 * phase) + rng.normal(0, 0.4)),
        4.5,
    )
    drift = np.sin(2 * np.pi * (1.5 * phase + 0.3 * number))
    return FramePlan((placement,), camera, _exposure(rng, 0.18 * drift, 0.02 * drift, 1.0))


def _exposure(rng: np.random.Generator, stops: float, warmth: float, noise: float) -> Exposure:
    shaken = rng.random() < 0.3
    return Exposure(
        stops=stops + float(rng.normal(0, 0.05)),
        red=1 + warmth + float(rng.normal(0, 0.008)),
        blue=1 - warmth + float(rng.normal(0, 0.008)),
        noise=noise,
        shake=(
            float(rng.uniform(0.8, 3.2)) if shaken else float(rng.uniform(0, 0.7)),
            float(rng.uniform(0, 180)),
        ),
        softness=float(rng.uniform(0.3, 0.55)),
    )


TEST_TABLES = ("walnut", "marble", "plaid", "terracotta", "pine", "slate")
TEST_LIGHTS = ("tubes", "evening", "noon", "backlit", "mixed")
DISTRACTOR_KINDS = (
    "plain_mug",
    "blue_box",
    "tin",
    "blue_ball",
    "carton",
    "plain_mug",
    "tin",
    "jar",
    "tape_roll",
    "blue_box",
    "ball",
    "bowl",
)
FOOTPRINT = {
    "cup": 0.062,
    "bottle": 0.042,
    "can": 0.034,
    "books": 0.14,
    "carton": 0.09,
    "bowl": 0.08,
    "plant": 0.10,
}


def _footprint(kind: str, pose: str) -> float:
    radius = FOOTPRINT.get(kind, 0.055)
    return max(radius, 0.5 * HEIGHTS.get(kind, 0.0)) if pose == "lying" else radius


def scene_stage(group: int) -> tuple[StagePlan, tuple[Placement, ...]]:
    """All three objects (now and then one of them twice) among distractors: (stage, objects)."""
    rng = _generator(3, group)
    labels = list(LABELS)
    if group % 4 == 3:
        labels.append(LABELS[(group // 4) % 3])
    wanted: list[tuple[str, str, float, float]] = []
    for order, label in enumerate(labels):
        pose = ("upright", "lying", "upright", "inverted", "upright", "lying", "upright")[
            (group * 3 + 2 * order) % 7
        ]
        spin = lying_spin(label, float(rng.random())) if pose == "lying" else 0.0
        heading = 360 * ((group * 0.618 + order * 0.37) % 1.0)
        wanted.append((label, pose, heading, spin))
    offset = int(rng.integers(12))
    for order in range(int(rng.integers(3, 6))):
        kind = DISTRACTOR_KINDS[(offset + 5 * order + group) % 12]
        wanted.append((kind, "upright", float(rng.uniform(0, 360)), 0.0))
    placed = _spread(wanted, rng)
    objects = tuple(p for p in placed if p.kind in LABELS)
    props = tuple(p for p in placed if p.kind not in LABELS) + _border(rng)
    stage = StagePlan(TEST_TABLES[group % 6], TEST_LIGHTS[group % 5], props, 200 + group)
    return stage, objects


def _spread(
    wanted: list[tuple[str, str, float, float]], rng: np.random.Generator
) -> list[Placement]:
    """Random places in an ellipse, close but with 6 mm of air at least between the footprints."""
    placed: list[Placement] = []
    scale = 1.0
    for kind, pose, heading, spin in wanted:
        while True:
            scale *= 1.004
            x, y = rng.uniform(-0.24, 0.24) * scale, rng.uniform(-0.16, 0.16) * scale
            radius = _footprint(kind, pose)
            gaps = [
                np.hypot(x - p.x, y - p.y) - radius - _footprint(p.kind, p.pose) for p in placed
            ]
            if not gaps or min(gaps) > 0.006:
                placed.append(Placement(kind, float(x), float(y), heading, spin, pose))
                break
    return placed


def _border(rng: np.random.Generator) -> tuple[Placement, ...]:
    """One to three larger things near the table's edges."""
    sides = rng.permutation(4)[: int(rng.integers(1, 4))]
    spots = ((-0.56, 0.1), (0.56, -0.05), (0.05, 0.41), (-0.1, -0.41))
    kinds = ("books", "carton", "plant", "bowl")
    return tuple(
        Placement(
            str(rng.choice(kinds[:3] if side < 3 else kinds[1:2])),
            *spots[side],
            heading=float(rng.uniform(0, 360)),
        )
        for side in sides
    )


def scene_camera(group: int, view: int, attempt: int) -> CameraPose:
    """A candidate camera; the caller takes the first attempt from which enough can be seen.

    The three views of a group are a third of a circle apart and low, middle or steep: all the
    rotations of the objects are met, and heights and distances that teaching never had.
    """
    rng = _generator(4, group, view, attempt)
    low, high = ((7, 17), (22, 40), (50, 68))[(view + group) % 3]
    target = (
        float(rng.normal(0, 0.03)),
        float(rng.normal(0, 0.025)),
        float(rng.uniform(0.03, 0.07)),
    )
    azimuth = group * 47.0 + view * 120.0 + float(rng.normal(0, 12 + 2 * attempt))
    distance = float(rng.uniform(0.68, 1.08))
    return orbit(
        target, azimuth, float(rng.uniform(low, high)), distance, float(rng.normal(0, 3)), 5.6
    )


def scene_exposure(group: int, view: int) -> Exposure:
    rng = _generator(5, group, view)
    dark = TEST_LIGHTS[group % 5] == "evening"
    return _exposure(
        rng,
        float(rng.normal(0, 0.28)) - 0.2 * dark,
        float(rng.normal(0, 0.035)),
        2.6 if dark else 1.3,
    )
