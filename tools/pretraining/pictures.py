"""Access to what render.py and surfaces.py wrote."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import cv2
import numpy as np

# The last scenes of each kind are never trained on: they measure.
HELD_OUT = 100
# How many scenes of each kind render.py makes, by the names of its options.
PLANNED = {"shows": 3600, "clutter": 2600, "desks": 2400, "tables": 3000, "crowds": 3000}


def add_planned_scenes(parser: argparse.ArgumentParser) -> None:
    """Options: how many scenes of each kind render.py was told to make, as its own."""
    for name, count in PLANNED.items():
        parser.add_argument(f"--{name}", type=int, default=count, help="as given to render.py")


def planned_scenes(options: argparse.Namespace) -> dict[str, int]:
    """The same by kind, for `Pictures`."""
    return {name.removesuffix("s"): getattr(options, name) for name in PLANNED}


class Pictures:
    """The rendered folder: lists what is there now, so that training can start while rendering
    goes on.

    `planned` is how many scenes of each kind render.py was told to make: {"show": 3600, ...}.
    """

    def __init__(self, root: Path, planned: Mapping[str, int]) -> None:
        self.root = root
        self._first_held_out = {kind: count - HELD_OUT for kind, count in planned.items()}
        self.surfaces = [read_image(path) for path in sorted((root / "surfaces").glob("*.jpg"))]
        self.refresh()

    def refresh(self) -> None:
        """Looks for new files."""
        self._sprites = {
            kind: sorted((self.root / kind).glob("*.png")) for kind in ("sprite", "piece")
        }
        self._scenes = {kind: self._listed(kind, held_out=False) for kind in self._first_held_out}

    def counts(self) -> dict[str, int]:
        """How many pictures of each kind there are to train on."""
        return {kind: len(files) for kind, files in (self._sprites | self._scenes).items()}

    def any_kind(self, rng: np.random.Generator, shares: Mapping[str, float]) -> str:
        """A kind of scene by its share among those of which there are any; FileNotFoundError
        when there are none."""
        there = {kind: share for kind, share in shares.items() if self._scenes[kind]}
        if not there:
            raise FileNotFoundError(f"{self.root} holds no {' or '.join(shares)}: run render.py")
        chances = np.array(list(there.values())) / sum(there.values())
        return str(rng.choice(list(there), p=chances))

    def held_out(self, kind: str) -> list[Path]:
        """The id files of the scenes kept for measuring."""
        return self._listed(kind, held_out=True)

    def scenes(self, kind: str) -> list[Path]:
        """The id files of the scenes to train on."""
        return self._scenes[kind]

    def _listed(self, kind: str, *, held_out: bool) -> list[Path]:
        first = self._first_held_out[kind]
        # The id file is written after the picture: where it is, both are (but for the one being
        # written).
        files = sorted((self.root / kind).glob("*.png"))
        chosen = [path for path in files if (int(path.stem) >= first) == held_out]
        return chosen if held_out else chosen[:-1]

    def sprite(self, rng: np.random.Generator, kind: str = "sprite") -> np.ndarray:
        """(h, w, 4) uint8 BGRA, colours not multiplied with alpha."""
        files = self._sprites[kind]
        return read_sprite(files[int(rng.integers(len(files)))])

    def scene(self, rng: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """A picture (h, w, 3) BGR and its ids (h, w)."""
        files = self._scenes[kind]
        return read_scene(files[int(rng.integers(len(files)))])

    def surface(self, rng: np.random.Generator) -> np.ndarray:
        """A photographed or painted surface, (h, w, 3) BGR."""
        return self.surfaces[int(rng.integers(len(self.surfaces)))]


def read_image(path: Path) -> np.ndarray:
    """(h, w, 3) uint8 BGR; OSError when it cannot be read."""
    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"cannot read {path}")
    return image


@cache
def _sprite_bytes(path: Path) -> bytes:
    return path.read_bytes()


def read_sprite(path: Path) -> np.ndarray:
    """(h, w, 4) uint8 BGRA."""
    data = np.frombuffer(_sprite_bytes(path), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if image is None:
        raise OSError(f"cannot read {path}")
    return image


def read_scene(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The picture beside the id file `path`, BGR, and the ids."""
    ids = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if ids is None:
        raise OSError(f"cannot read {path}")
    return read_image(path.with_suffix(".jpg")), ids
