"""Printed artwork of the objects and distractors, drawn by hand in code: (H, W, 3) uint8 RGB.

Image x runs once round the object (or across a box face), image y from its top to its bottom.
"""

from __future__ import annotations

import cv2
import numpy as np

Colour = tuple[int, int, int]
BOLD = cv2.FONT_HERSHEY_TRIPLEX


def muted(rng: np.random.Generator) -> Colour:
    """A colour as printed and painted things have it: between grey and pure."""
    colour = rng.integers(20, 225, 3)
    mixed = colour.mean() + (colour - colour.mean()) * rng.uniform(0.35, 0.85)
    return tuple(int(v) for v in mixed)  # type: ignore[return-value]


def _text(
    image: np.ndarray, text: str, at: tuple[int, int], scale: float, colour: Colour, thick: int
) -> None:
    cv2.putText(image, text, at, BOLD, scale, colour, thick, cv2.LINE_AA)


def cup_print() -> np.ndarray:
    """A boat under a sun on one side, three fish on the other, dots by the handle."""
    image = np.full((512, 1536, 3), (238, 232, 218), np.uint8)
    x = np.arange(1536)
    wave = (405 + 14 * np.sin(x / 1536 * 2 * np.pi * 12)).astype(int)
    rows = np.arange(512)[:, None]
    image[rows > wave[None]] = (32, 122, 140)
    image[rows > wave[None] + 42] = (18, 72, 104)
    # the boat, a quarter turn from the handle (which is at u = 0)
    cv2.fillPoly(
        image,
        [np.array([[300, 380], [520, 380], [480, 428], [345, 428]])],
        (168, 42, 36),
        cv2.LINE_AA,
    )
    cv2.fillPoly(
        image, [np.array([[412, 105], [412, 360], [540, 360]])], (226, 120, 32), cv2.LINE_AA
    )
    cv2.fillPoly(
        image, [np.array([[398, 150], [398, 360], [300, 360]])], (42, 62, 118), cv2.LINE_AA
    )
    cv2.line(image, (405, 90), (405, 385), (70, 46, 30), 7, cv2.LINE_AA)
    cv2.circle(image, (640, 130), 58, (238, 178, 40), -1, cv2.LINE_AA)
    for angle in np.linspace(0, 2 * np.pi, 12, endpoint=False):
        tip = (int(640 + 88 * np.cos(angle)), int(130 + 88 * np.sin(angle)))
        base = (int(640 + 68 * np.cos(angle)), int(130 + 68 * np.sin(angle)))
        cv2.line(image, base, tip, (238, 178, 40), 8, cv2.LINE_AA)
    for left, top, colour in (
        (880, 150, (206, 76, 60)),
        (1060, 240, (52, 128, 84)),
        (1180, 120, (60, 84, 160)),
    ):
        _fish(image, left, top, colour)
    for column in range(5):
        for row in range(3):
            cv2.circle(
                image,
                (1360 + 34 * column, 120 + 60 * row + 30 * (column % 2)),
                9,
                (178, 60, 88),
                -1,
                cv2.LINE_AA,
            )
    _text(image, "AHOI", (740, 350), 2.4, (42, 62, 118), 5)
    return image


def _fish(image: np.ndarray, left: int, top: int, colour: Colour) -> None:
    cv2.ellipse(image, (left, top), (62, 32), 0, 0, 360, colour, -1, cv2.LINE_AA)
    cv2.fillPoly(
        image,
        [np.array([[left + 50, top], [left + 98, top - 32], [left + 98, top + 32]])],
        colour,
        cv2.LINE_AA,
    )
    cv2.circle(image, (left - 34, top - 8), 8, (250, 250, 245), -1, cv2.LINE_AA)
    cv2.circle(image, (left - 35, top - 8), 4, (20, 20, 20), -1, cv2.LINE_AA)


def can_label() -> np.ndarray:
    """A spray paint label: brand and colour field; hazard sign and bar code on the back."""
    image = np.full((1024, 1280, 3), (246, 198, 30), np.uint8)
    image[:150] = (34, 34, 38)
    image[880:] = (34, 34, 38)
    cv2.fillPoly(
        image, [np.array([[0, 560], [640, 330], [640, 480], [0, 710]])], (204, 40, 34), cv2.LINE_AA
    )
    cv2.fillPoly(
        image,
        [np.array([[0, 720], [640, 490], [640, 520], [0, 750]])],
        (250, 246, 236),
        cv2.LINE_AA,
    )
    _text(image, "LAKTO", (60, 330), 4.6, (34, 34, 38), 13)
    _text(image, "SPRAY", (150, 640), 3.4, (250, 246, 236), 10)
    _text(image, "acryl  400 ml", (120, 830), 1.7, (34, 34, 38), 4)
    _text(image, "RAL 3020", (200, 100), 2.0, (246, 198, 30), 5)
    image[180:850, 730:1200] = (250, 246, 236)
    for line in range(15):
        width = 250 + (line * 97) % 150
        cv2.line(image, (760, 420 + 17 * line), (760 + width, 420 + 17 * line), (70, 70, 74), 4)
    diamond = np.array([[850, 200], [940, 290], [850, 380], [760, 290]])
    cv2.fillPoly(image, [diamond], (204, 40, 34), cv2.LINE_AA)
    cv2.fillPoly(
        image,
        [((diamond - [850, 290]) * 0.78 + [850, 290]).astype(int)],
        (250, 250, 250),
        cv2.LINE_AA,
    )
    cv2.ellipse(image, (850, 300), (20, 38), 0, 0, 360, (20, 20, 20), -1, cv2.LINE_AA)
    _text(image, "!", (1010, 370), 5.2, (204, 40, 34), 14)
    left = 770
    for index in range(46):
        bar = 2 + (index * 7 + index * index * 3) % 6
        cv2.rectangle(image, (left, 715), (left + bar, 825), (15, 15, 15), -1)
        left += bar + 3
    return image


def bottle_print() -> np.ndarray:
    """White on blue plastic: a drop and a name on one side, a millilitre scale on the other."""
    blue = (16, 72, 196)
    white = (225, 232, 240)
    image = np.full((1024, 1024, 3), blue, np.uint8)
    cv2.circle(image, (270, 560), 88, white, -1, cv2.LINE_AA)
    cv2.fillPoly(image, [np.array([[190, 524], [350, 524], [270, 350]])], white, cv2.LINE_AA)
    cv2.circle(image, (300, 575), 42, blue, -1, cv2.LINE_AA)
    _text(image, "aqua", (140, 770), 3.3, white, 9)
    for step in range(13):
        length = 130 if step % 3 == 0 else 70
        cv2.line(image, (730, 250 + 48 * step), (730 + length, 250 + 48 * step), white, 8)
        if step % 3 == 0:
            _text(image, str(700 - 50 * step), (880, 262 + 48 * step), 1.1, white, 3)
    return image


def box_print(rng: np.random.Generator, ground: Colour, ink: Colour) -> np.ndarray:
    """A carton: a field, a stripe, a word and a few lines at random places."""
    image = np.full((512, 512, 3), ground, np.uint8)
    top = int(rng.integers(60, 220))
    cv2.rectangle(image, (0, top), (512, top + int(rng.integers(60, 150))), ink, -1)
    centre = (int(rng.integers(120, 400)), int(rng.integers(300, 420)))
    second = muted(rng)
    cv2.circle(image, centre, int(rng.integers(40, 90)), second, -1, cv2.LINE_AA)
    word = str(rng.choice(["MUSLI", "Tapete", "NORD", "keks", "REIS", "Pasta", "KLAR", "Seife"]))
    _text(image, word, (40, top + 60), 1.9, (245, 245, 240), 5)
    for line in range(6):
        cv2.line(
            image, (30, 430 + 12 * line), (int(rng.integers(120, 260)), 430 + 12 * line), ink, 3
        )
    return image


def book_spine(rng: np.random.Generator) -> np.ndarray:
    colour = muted(rng)
    image = np.full((256, 256, 3), colour, np.uint8)
    light = tuple(int(min(255, v + 90)) for v in colour)
    cv2.rectangle(image, (0, 28), (256, 44), light, -1)
    cv2.rectangle(image, (0, 212), (256, 228), light, -1)
    _text(
        image, str(rng.choice(["ATLAS", "Robot", "Wind", "KANT", "Orte"])), (40, 145), 1.5, light, 4
    )
    return image


def tin_print(rng: np.random.Generator) -> np.ndarray:
    """Label of a food tin or drink can that is not the taught one."""
    ground = muted(rng)
    image = np.full((512, 1024, 3), ground, np.uint8)
    band = tuple(int(v) for v in rng.integers(120, 255, 3))
    cv2.ellipse(image, (300, 256), (180, 120), 0, 0, 360, band, -1, cv2.LINE_AA)
    cv2.ellipse(image, (800, 256), (150, 130), 20, 0, 360, band, -1, cv2.LINE_AA)
    _text(
        image,
        str(rng.choice(["TOMATO", "Bohnen", "COLA", "MAIS", "Tuna"])),
        (160, 285),
        2.0,
        ground,
        6,
    )
    cv2.rectangle(image, (0, 460), (1024, 490), band, -1)
    return image
