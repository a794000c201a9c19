"""Packs rendered sprites into one picture: the things that training pastes as "not this one".

python things.py --data DATA --out weights/things.webp

Each cell holds one sprite with its alpha, brought to the cell's size, in the order of its number.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

CELL = 96
COLUMNS = 20
MOST = 400
LEAST_COVER = 0.12  # of the cell: railings and sticks teach nothing
QUALITY = 80


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    cells = []
    for path in sorted((options.data / "sprite").glob("*.png")):
        cell = fit(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))
        if np.mean(cell[..., 3] > 127) > LEAST_COVER and len(cells) < MOST:
            cells.append(cell)
    rows = [np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells) - COLUMNS + 1, COLUMNS)]
    cv2.imwrite(str(options.out), np.vstack(rows), [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    print(f"{len(rows) * COLUMNS} things in {options.out}")


def fit(sprite: np.ndarray) -> np.ndarray:
    """A sprite (h, w, 4) in the middle of a (CELL, CELL, 4) cell, as large as fits.

    Its colours spread beyond its edge, so that scaling mixes nothing else in.
    """
    scale = (CELL - 2) / max(sprite.shape[:2])
    size = tuple(max(2, round(side * scale)) for side in sprite.shape[1::-1])
    alpha = cv2.resize(sprite[..., 3], size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    premultiplied = sprite[..., :3] * (sprite[..., 3:] / np.float32(255))
    colour = cv2.resize(premultiplied.astype(np.float32), size, interpolation=cv2.INTER_AREA)
    colour = np.where(alpha[..., None] > 0.02, colour / np.maximum(alpha[..., None], 0.02), 0)
    cell = np.zeros((CELL, CELL, 4), np.uint8)
    top, left = (CELL - size[1]) // 2, (CELL - size[0]) // 2
    window = cell[top : top + size[1], left : left + size[0]]
    window[..., :3] = np.clip(colour, 0, 255)
    window[..., 3] = alpha * 255
    return cell


if __name__ == "__main__":
    main()
