"""Simulated things that move before a camera, with their true identities, and a count of mistakes.

Things are upright rectangles. A nearer one hides what is behind it: the box of what is half hidden
is the bounds of what can be seen of it, and what is hidden for the most part is not detected.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from automask_ros.detection.tracking import Tracker
from automask_ros.types import Detections, PlacedMask

IMAGE_SIZE = (480, 640)
LEAST_VISIBLE = 0.3
START = 1_700_000_000.0

Path = Callable[[float], np.ndarray]
"""Where the middle of a thing is, x and y in pixels, by the seconds since START."""


@dataclass(frozen=True)
class Thing:
    """`size` is width and height in pixels."""

    label: str
    size: tuple[float, float]
    path: Path


@dataclass(frozen=True)
class Detector:
    """How well things are detected: the noise of a box's edges as a share of its size, the share of
    missed things, and how many things are detected where none is, in an average picture."""

    noise: float = 0.03
    missed: float = 0.0
    false: float = 0.0


@dataclass
class Mistakes:
    """`switches`: how often a thing's id is another one than at its last detection (CLEAR MOT:
    Bernardin and Stiefelhagen 2008). `shared`: how often a thing has the id of another one."""

    detections: int = 0
    switches: int = 0
    shared: int = 0

    def __add__(self, other: "Mistakes") -> "Mistakes":
        return Mistakes(
            self.detections + other.detections,
            self.switches + other.switches,
            self.shared + other.shared,
        )


def straight(start: tuple[float, float], velocity: tuple[float, float]) -> Path:
    """At constant velocity, pixels a second."""
    return lambda seconds: np.array(start) + np.array(velocity) * seconds


def swaying(centre: tuple[float, float], reach: float, random: np.random.Generator) -> Path:
    """Smoothly here and there, up to `reach` pixels from the centre and back within seconds."""
    turns = random.uniform(0.6, 1.8, 2)
    phases = random.uniform(0, 2 * np.pi, 2)
    return lambda seconds: np.array(centre) + reach * np.sin(turns * seconds + phases)


def regular_stamps(seconds: float, rate: float) -> np.ndarray:
    """From START on, `rate` pictures a second."""
    return START + np.arange(0, seconds, 1 / rate)


def irregular_stamps(seconds: float, random: np.random.Generator) -> np.ndarray:
    """From START on, each picture a thirtieth to half a second after the one before."""
    gaps = np.exp(random.uniform(np.log(1 / 30), np.log(1 / 2), 30 * int(seconds + 1)))
    stamps = START + np.cumsum(gaps)
    return stamps[stamps < START + seconds]


def detections_of(boxes: Iterable[Sequence[float]], labels: Sequence[str]) -> Detections:
    """Detections with these boxes (x1, y1, x2, y2), in this order."""
    count = len(labels)
    return Detections(
        boxes=np.array(list(boxes), np.float32).reshape(count, 4),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        class_ids=np.ones(count, np.int32),
        labels=tuple(labels),
        masks=(PlacedMask(0, 0, np.zeros((0, 0), bool)),) * count,
        image_size=IMAGE_SIZE,
    )


def detect(
    things: Sequence[Thing], stamp: float, detector: Detector, random: np.random.Generator
) -> tuple[Detections, list[int | None]]:
    """What is found of `things`, the nearest first, in random order, and which each one is."""
    seen = [
        (_jittered(box, detector.noise, random), things[index].label, index)
        for index, box in _visible_boxes(things, stamp - START)
        if random.random() >= detector.missed
    ]
    found: list[tuple[np.ndarray, str, int | None]] = [*seen]
    for _ in range(random.poisson(detector.false)):
        corner, size = random.uniform(0, IMAGE_SIZE[::-1]), random.uniform(20, 80, 2)
        found.append((np.array([*corner, *corner + size]), random.choice(things).label, None))
    found = [found[index] for index in random.permutation(len(found))]
    boxes, labels, names = zip(*found, strict=True) if found else ((), (), ())
    return detections_of(boxes, labels), list(names)


def follow(
    things: Sequence[Thing],
    stamps: Iterable[float],
    random: np.random.Generator,
    detector: Detector = Detector(),  # noqa: B008
    memory: float = 1.0,
) -> Mistakes:
    """Track `things` in pictures taken at `stamps`, and count what goes wrong."""
    tracker, mistakes = Tracker(memory), Mistakes()
    id_of: dict[int, str] = {}
    owner_of: dict[str, int | None] = {}
    for stamp in stamps:
        detections, names = detect(things, stamp, detector, random)
        for name, track in zip(names, tracker.update(detections, stamp), strict=True):
            if name is not None:
                mistakes.detections += 1
                mistakes.switches += id_of.get(name, track) != track
                mistakes.shared += owner_of.get(track, name) != name
                id_of[name] = track
            owner_of[track] = name
    return mistakes


def _visible_boxes(things: Sequence[Thing], seconds: float) -> list[tuple[int, np.ndarray]]:
    """The number and the box of each thing that can be seen well enough."""
    corners = []
    for thing in things:
        box = np.add.outer((-0.5, 0.5), (0, 0)) * thing.size + thing.path(seconds)
        corners.append(np.clip(np.round(box), 0, IMAGE_SIZE[::-1]).astype(int).ravel())
    nearest = np.full(IMAGE_SIZE, -1, np.int16)
    for index, (left, top, right, bottom) in reversed(list(enumerate(corners))):
        nearest[top:bottom, left:right] = index
    boxes = []
    for index, (left, top, right, bottom) in enumerate(corners):
        pixels = nearest[top:bottom, left:right] == index
        if pixels.sum() >= LEAST_VISIBLE * np.prod(things[index].size):
            rows, columns = np.flatnonzero(pixels.any(1)), np.flatnonzero(pixels.any(0))
            box = (columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
            boxes.append((index, np.array(box, float) + (left, top, left, top)))
    return boxes


def _jittered(box: np.ndarray, noise: float, random: np.random.Generator) -> np.ndarray:
    size = np.tile(box[2:] - box[:2], 2)
    return box + random.normal(0, noise, 4) * size
