"""Access to what render.py and surfaces.py wrote."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import cv2
import numpy as np

# The last shows and clutter scenes are never trained on: they measure.
HELD_OUT = 100


class Pictures:
    """The rendered folder: lists what is there now, so that training can start while rendering
    goes on."""

    def __init__(self, root: Path, *, planned_shows: int, planned_clutter: int) -> None:
        self.root = root
        self._first_held_out = {
            "show": planned_shows - HELD_OUT,
            "clutter": planned_clutter - HELD_OUT,
        }
        self.surfaces = [read_image(path) for path in sorted((root / "surfaces").glob("*.jpg"))]
        self.refresh()

    def refresh(self) -> None:
        """Looks for new files."""
        self.sprites = sorted((self.root / "sprite").glob("*.png"))
        self.shows = self._scenes("show", held_out=False)
        self.clutter = self._scenes("clutter", held_out=False)

    def held_out(self, kind: str) -> list[Path]:
        """The id files of the scenes kept for measuring."""
        return self._scenes(kind, held_out=True)

    def _scenes(self, kind: str, *, held_out: bool) -> list[Path]:
        first = self._first_held_out[kind]
        # The id file is written after the picture: where it is, both are (but for the one being
        # written).
        files = sorted((self.root / kind).glob("*.png"))[:-1] if not held_out else []
        if held_out:
            files = sorted((self.root / kind).glob("*.png"))
        return [path for path in files if (int(path.stem) >= first) == held_out]

    def sprite(self, rng: np.random.Generator) -> np.ndarray:
        """(h, w, 4) uint8 BGRA, colours not multiplied with alpha."""
        return read_sprite(self.sprites[int(rng.integers(len(self.sprites)))])

    def scene(self, rng: np.random.Generator, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """A picture (h, w, 3) BGR and its ids (h, w)."""
        files = self.shows if kind == "show" else self.clutter
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
