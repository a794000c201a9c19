"""The colours of every picture, plot and page: those of Okabe and Ito, and who uses which.

People with the common forms of colour blindness can tell them apart. Colour never carries a meaning
alone all the same: states also differ in the kind of their line, and labels are written.
"""

from __future__ import annotations

from typing import TypeAlias

#: (blue, green, red).
Colour: TypeAlias = tuple[int, int, int]

WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
ORANGE: Colour = (0, 159, 230)
SKY_BLUE: Colour = (233, 180, 86)
BLUISH_GREEN: Colour = (115, 158, 0)
YELLOW: Colour = (66, 228, 240)
BLUE: Colour = (178, 114, 0)
VERMILLION: Colour = (0, 94, 213)
REDDISH_PURPLE: Colour = (167, 121, 204)

#: One colour per class id. The fewer there are, the farther apart they are to any eye; blue and
#: orange, which mean something else where masks are judged, come late.
PALETTE: tuple[Colour, ...] = (
    VERMILLION,
    SKY_BLUE,
    YELLOW,
    REDDISH_PURPLE,
    BLUE,
    ORANGE,
    BLUISH_GREEN,
)

#: What became of a mask: blue is in use, orange is not.
ACCEPTED: Colour = BLUE
REFUSED: Colour = ORANGE


def class_colour(class_id: int) -> Colour:
    """The colour of a class, the same in every picture and every version; ids count from 1."""
    return PALETTE[(class_id - 1) % len(PALETTE)]


def hexadecimal(colour: Colour) -> str:
    """A colour as web pages and plots write it: ``#rrggbb``."""
    blue, green, red = colour
    return f"#{red:02x}{green:02x}{blue:02x}"
