"""The guide's pictures: some views of each way with their masks as they came out, side by side.

    python tools/guide/pictures.py --out OUT [--label cup] [--images docs/images]

The rest is dimmed; the outline is green where the mask was accepted, red where it was refused.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from automask_ros.library.library import Library

ROWS = {
    "table": (("table", "alone"),),
    "turntable": (("plate", "alone"), ("plate", "with_empty_scene"), ("cloth", "alone")),
    "wrist": (("wrist", "alone"),),
    "hand": (("hand", "alone"), ("hand", "with_empty_scene")),
}
COLUMNS, TILE = 4, (240, 180)
ACCEPTED, REFUSED = (60, 200, 60), (60, 60, 230)


def tiles(library: Library, label: str) -> list[np.ndarray]:
    """COLUMNS views with their masks, evenly spread over the sequence."""
    views = sorted(library.views(label), key=lambda view: view.id)
    chosen = np.linspace(0, len(views) - 1, COLUMNS + 2)[1:-1].round().astype(int)
    found = []
    for view in (views[index] for index in chosen):
        image, mask = library.read_image(view), library.usable_mask(view)
        if mask is not None and view.verdict is not None:
            image[~mask] = image[~mask] // 3
            outlines = cv2.findContours(
                mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE
            )[0]
            colour = ACCEPTED if view.verdict.accepted else REFUSED
            cv2.drawContours(image, outlines, -1, colour, 4)
        found.append(cv2.resize(image, TILE, interpolation=cv2.INTER_AREA))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--label", default="cup")
    parser.add_argument("--images", type=Path, default=Path("docs/images"))
    given = parser.parse_args()
    for name, rows in ROWS.items():
        sheet = [
            np.hstack(tiles(Library(given.out / given.label / way / run / "library"), given.label))
            for way, run in rows
        ]
        path = given.images / f"guide_{name}.jpg"
        cv2.imwrite(str(path), np.vstack(sheet), [cv2.IMWRITE_JPEG_QUALITY, 85])
        print(f"{path}: {path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
