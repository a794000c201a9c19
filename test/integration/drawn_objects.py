"""Two drawn objects on a table, turned and moved by lot, with their true masks."""

import cv2
import numpy as np
from drawn_scenes import cup_mask, draw_scene, ellipse_mask

SIZE = (240, 320)
SHAPES = {"cup": cup_mask(SIZE), "ball": ellipse_mask(SIZE, (160, 120), (50, 44))}
COLOURS = {"cup": (60, 60, 200), "ball": (60, 170, 60)}


def object_mask(label, seed):
    """Where the object is in view `seed`: (240, 320) bool."""
    random = np.random.default_rng(seed)
    turn = cv2.getRotationMatrix2D(
        (160, 120), float(random.uniform(-40, 40)), float(random.uniform(0.75, 1.0))
    )
    turn[:, 2] += random.uniform(-25, 25, 2)
    shape = SHAPES[label].astype(np.uint8)
    return cv2.warpAffine(shape, turn, SIZE[::-1], flags=cv2.INTER_NEAREST).astype(bool)


def view(label, seed):
    """View `seed` of an object: the image (240, 320, 3) uint8 BGR, and the object's true mask."""
    mask = object_mask(label, seed)
    return draw_scene(mask, COLOURS[label], seed), mask


def iou(one, other):
    """Intersection over union of two masks."""
    return np.logical_and(one, other).sum() / np.logical_or(one, other).sum()
