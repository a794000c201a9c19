"""A small data set in SceneParse150's layout: drawn rooms with five classes."""

from pathlib import Path

import cv2
import numpy as np

NAMES = ("wall", "floor", "table", "cup", "book")
_COLOURS = ((200, 190, 170), (60, 90, 120), (90, 140, 190), (60, 60, 210), (190, 110, 50))


def draw_room(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A photograph (H, W, 3) uint8 BGR and its classes (H, W) uint8, 0 along two borders."""
    random = np.random.default_rng(seed)
    height, width = (int(side) for side in random.integers((64, 80), (81, 105)))
    classes = np.ones((height, width), np.uint8)
    horizon = int(height * random.uniform(0.3, 0.5))
    classes[horizon:] = 2
    left, right = int(width * random.uniform(0, 0.2)), int(width * random.uniform(0.8, 1))
    top = int(height * random.uniform(0.45, 0.6))
    classes[top : int(height * 0.95), left:right] = 3
    x, y = int(width * random.uniform(0.25, 0.4)), int(height * random.uniform(0.55, 0.8))
    cv2.circle(classes, (x, y), int(random.integers(9, 14)), 4, -1)
    x, y = int(width * random.uniform(0.6, 0.75)), int(height * random.uniform(0.55, 0.8))
    half = random.integers(7, 14, 2)
    cv2.rectangle(
        classes, (x - int(half[0]), y - int(half[1])), (x + int(half[0]), y + int(half[1])), 5, -1
    )
    colours = np.array(((0, 0, 0), *_COLOURS), float) * random.uniform(0.85, 1.1)
    image = colours[classes] + random.normal(0, 6, (height, width, 3))
    classes[0], classes[:, 0] = 0, 0
    return np.clip(image, 0, 255).astype(np.uint8), classes


def write_set(folder: Path, training: int = 12, validation: int = 4) -> Path:
    """The set in `folder`/ADEChallengeData2016; its training and validation scenes differ."""
    root = folder / "ADEChallengeData2016"
    for split, short, numbers in (
        ("training", "train", range(training)),
        ("validation", "val", range(1000, 1000 + validation)),
    ):
        for kind in ("images", "annotations"):
            (root / kind / split).mkdir(parents=True)
        for number, seed in enumerate(numbers, start=1):
            image, classes = draw_room(seed)
            name = f"ADE_{short}_{number:08d}"
            cv2.imwrite(str(root / "images" / split / f"{name}.jpg"), image)
            cv2.imwrite(str(root / "annotations" / split / f"{name}.png"), classes)
    rows = [f"{number}\t0.2\t12\t4\t{name}, thing" for number, name in enumerate(NAMES, start=1)]
    (root / "objectInfo150.txt").write_text(
        "\n".join(("Idx\tRatio\tTrain\tVal\tName", *rows)) + "\n"
    )
    return root


def draw_taught(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A room with a green triangle, which is none of its classes: the photograph (H, W, 3) uint8
    BGR and the triangle's mask (H, W) bool."""
    image, _ = draw_room(seed)
    random = np.random.default_rng((seed, 1))
    height, width = image.shape[:2]
    x, y = int(width * random.uniform(0.45, 0.55)), int(height * random.uniform(0.6, 0.75))
    corners = np.array([(x, y - 16), (x - 15, y + 12), (x + 15, y + 12)], np.int32)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [corners], 1)
    shade = np.array((70, 190, 80)) * random.uniform(0.8, 1.1) + random.normal(0, 6, image.shape)
    image[mask > 0] = np.clip(shade, 0, 255).astype(np.uint8)[mask > 0]
    return image, mask.astype(bool)
