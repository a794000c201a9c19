"""Writes the catalogues' textures as pictures for the backgrounds of composites.

python surfaces.py --out DATA
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
from meshes import read_catalogues

SMALLEST = 128


def main() -> None:
    """Each texture once, at least SMALLEST pixels on its short side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    folder = parser.parse_args().out / "surfaces"
    folder.mkdir(parents=True, exist_ok=True)
    seen: set[bytes] = set()
    for model in read_catalogues():
        for part in model.parts:
            texture = part.material.texture
            if texture is None or min(texture.shape[:2]) < SMALLEST:
                continue
            key = texture[::16, ::16].tobytes()
            if key not in seen:
                seen.add(key)
                image = cv2.cvtColor(texture, cv2.COLOR_RGB2BGR)
                cv2.imwrite(str(folder / f"{len(seen):04d}.jpg"), image)


if __name__ == "__main__":
    main()
