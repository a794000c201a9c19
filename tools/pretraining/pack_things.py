"""Packs what ships beside the weights: pictures of things and places that nobody teaches.

    python pack_things.py --data DATA --out weights

Training pastes the things beside the taught object and the object into the places, so that it is
told from what merely resembles it. `things.webp` is a sheet of tiles with alpha, `things.csv` says
what each tile shows, by row and column; `places/` holds rendered scenes.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import cv2
import numpy as np
from pictures import Pictures, add_planned_scenes, planned_scenes, read_image, read_sprite

TILE, COLUMNS = 112, 24
PROCEDURAL, CRAFTED = 110, 150
PLACES = {"clutter": 40, "desk": 16, "table": 16}
JPEG = [cv2.IMWRITE_JPEG_QUALITY, 80]
# Parts of the names of what stands on tables; the catalogues hold houses and cars as well.
HOUSEHOLD = (
    "cup mug glass bowl plate jar vase pot tea coffee espresso press bottle flacon can box tin "
    "creamer sugar salt spice bread cake apple fruit burger fries butter steak hotdog tetrapak "
    "yogurt mamadeira scale radio phone mobile clock mp3 headphone keyboard camera remote "
    "joystick playstation mouse tape rubix stapler pencil marker ruler pen book calculator "
    "frame candle lantern lamp torch flash cissors knife fork spoon tool tournevis marteau "
    "pelle pince squeezer opener comb brush soap lipstick cosmetic toilet tissue towel shoe "
    "sneaker slipper bootie mocassin casque casquette chapeau bague montre glasses key bag "
    "suitcase backpack briefcase basket bucket trash toy doll bear rabbit train truck ball card "
    "puzzle dvd plug socket switch antenna RJ thermometer medico gift sushi tray kitchenaid "
    "blender toaster plant cactus tulip pottery ashtray cendrier bandeja lock"
).split()


def main() -> None:
    """Reads the options and packs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--quality", type=int, default=80, help="of the WebP sheet")
    add_planned_scenes(parser)
    options = parser.parse_args()
    tiles = _chosen(options.data)
    rows = -(-len(tiles) // COLUMNS)
    sheet = np.zeros((rows * TILE, COLUMNS * TILE, 4), np.uint8)
    for place, (_, path) in enumerate(tiles):
        row, column = divmod(place, COLUMNS)
        _put(sheet[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE], path)
    options.out.mkdir(parents=True, exist_ok=True)
    quality = [cv2.IMWRITE_WEBP_QUALITY, options.quality]
    cv2.imwrite(str(options.out / "things.webp"), sheet, quality)
    with (options.out / "things.csv").open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("row", "column", "thing"))
        writer.writerows((*divmod(place, COLUMNS), name) for place, (name, _) in enumerate(tiles))
    _write_places(Pictures(options.data, planned_scenes(options)), options.out / "places")


def _chosen(data: Path) -> list[tuple[str, Path]]:
    """Names and sprites: the catalogues' household things, then some made from formulas."""
    names = [row["name"] for row in json.loads((data / "sources.json").read_text())]
    sprites = {int(path.stem): path for path in sorted((data / "sprite").glob("*.png"))}
    known = [(names[n % len(names)], path) for n, path in sprites.items() if n < len(names)]
    household = [
        each
        for each in known
        if not each[0].startswith("procedural/")
        and any(word.lower() in each[0].split("/")[-1].lower() for word in HOUSEHOLD)
    ]
    procedural = [each for each in known if each[0].startswith("procedural/")][:PROCEDURAL]
    pieces = sorted((data / "piece").glob("*.png"))[:CRAFTED]
    return household + procedural + [(f"crafted/{int(path.stem)}", path) for path in pieces]


def _put(tile: np.ndarray, path: Path) -> None:
    """The sprite in the middle of the tile, as large as it allows, a pixel from its edge."""
    sprite = read_sprite(path).astype(np.float32)
    scale = (TILE - 2) / max(sprite.shape[:2])
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    sprite[..., :3] *= sprite[..., 3:] / 255
    small = cv2.resize(sprite, None, fx=scale, fy=scale, interpolation=way)
    small[..., :3] /= np.maximum(small[..., 3:], 1) / 255
    height, width = small.shape[:2]
    top, left = (TILE - height) // 2, (TILE - width) // 2
    tile[top : top + height, left : left + width] = small.clip(0, 255)


def _write_places(pictures: Pictures, out: Path) -> None:
    out.mkdir(exist_ok=True)
    for kind, count in PLACES.items():
        for path in pictures.scenes(kind)[:count]:
            image = read_image(path.with_suffix(".jpg"))
            cv2.imwrite(str(out / f"{kind}_{path.stem}.jpg"), image, JPEG)


if __name__ == "__main__":
    main()
