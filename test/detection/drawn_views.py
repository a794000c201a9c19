"""Two drawn objects, a red disc and a blue box, on noisy tables, with exact masks."""

import cv2
import numpy as np

from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict

HEIGHT, WIDTH = 96, 128
SMALL = 96  # the network's image size in these tests


def draw_view(label: str, number: int) -> tuple[np.ndarray, np.ndarray]:
    """Image (96, 128, 3) and mask of a red disc ('disc') or a blue box ('box')."""
    rng = np.random.default_rng((number, len(label)))
    image = rng.integers(90, 130, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    x, y = (int(value) for value in rng.integers([40, 35], [88, 61]))
    if label == "disc":
        cv2.circle(mask, (x, y), 18, 1, -1)
        image[mask > 0] = (30, 30, 220)
    else:
        cv2.rectangle(mask, (x - 20, y - 12), (x + 20, y + 12), 1, -1)
        image[mask > 0] = (220, 60, 20)
    return image, mask.astype(bool)


def add_views(library: Library, label: str, count: int, accepted: bool = True) -> None:
    for number in range(count):
        image, mask = draw_view(label, number)
        view = library.add_view(label, image, captured_at=float(number), source="drawn")
        library.write_mask(view, Mask(mask, Verdict(accepted, 0.9)), fcn="drawn")
