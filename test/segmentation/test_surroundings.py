"""Windows around an object lie inside the image and have the shape that was asked for."""

import numpy as np
import pytest

from automask_ros.segmentation.surroundings import find_square, find_surroundings, shrink


def box(shape: tuple[int, int], top: int, left: int, height: int, width: int) -> np.ndarray:
    pixels = np.zeros(shape, bool)
    pixels[top : top + height, left : left + width] = True
    return pixels


def test_the_margin_is_in_square_roots_of_the_area() -> None:
    mask = box((100, 200), 40, 60, 10, 40)
    rows, columns = find_surroundings(mask, 0.5)
    assert (rows.start, rows.stop) == (30, 60)
    assert (columns.start, columns.stop) == (50, 110)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (box((100, 200), 40, 60, 10, 40), (slice(15, 75), slice(50, 110))),
        # Moved inwards at the border of the image.
        (box((100, 200), 0, 160, 10, 40), (slice(0, 50), slice(150, 200))),
        # As square as the image allows.
        (box((100, 200), 10, 10, 80, 180), (slice(0, 100), slice(0, 200))),
    ],
)
def test_a_square(mask: np.ndarray, expected: tuple[slice, slice]) -> None:
    assert find_square(mask, 0.5) == expected


def test_a_square_is_no_smaller_than_asked() -> None:
    tiny = box((100, 200), 40, 190, 4, 4)
    assert find_square(tiny, 0.5, 60) == (slice(12, 72), slice(140, 200))
    assert find_square(tiny, 0.5, 500) == (slice(0, 100), slice(0, 200))


def test_shrinking_keeps_the_aspect_and_never_enlarges() -> None:
    assert shrink(np.zeros((100, 200, 3), np.uint8), 50).shape == (25, 50, 3)
    small = np.zeros((10, 20), np.float32)
    assert shrink(small, 50) is small
