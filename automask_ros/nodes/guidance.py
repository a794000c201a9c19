"""What the system wants of the person who shows an object, in a few words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from automask_ros.colours import BLUE, BLUISH_GREEN, VERMILLION, YELLOW, Colour


class Tone(Enum):
    """Whose turn it is. The colour never says it alone: the words do as well."""

    WAIT = ("wait", BLUE)
    """The system works; nothing to do."""
    ACT = ("act", YELLOW)
    """It is the person's turn."""
    GOOD = ("good", BLUISH_GREEN)
    """It goes well, or is done."""
    TROUBLE = ("trouble", VERMILLION)
    """It cannot go on like this; the words name the remedy."""

    @property
    def word(self) -> str:
        """How `teach/guidance` calls it."""
        return self.value[0]

    @property
    def colour(self) -> Colour:
        """Of the bar on `teach/preview`."""
        return self.value[1]


@dataclass(frozen=True)
class Guidance:
    """`text` is what to do or what happens, `detail` a second line; `share` (0..1) is how far."""

    tone: Tone
    text: str
    detail: str = ""
    share: float | None = None


_CURES = {
    "too blurred": "hold it still for a moment, or give more light",
    "same view again": "turn it to a side that was not seen yet",
}

_MASK_CURES = {
    "no object found": "show it alone, before a plain background",
    "too small": "bring it nearer",
    "too large": "hold it farther away",
    "touches the border": "bring it to the middle of the picture",
    "stray blobs": "take other things out of the picture",
    "object probability low": "show it alone, before a plain background",
    "boundary uncertain": "hold it still, in even light",
    "no visible edge": "show it before a background of another colour",
    "differs from the other views": "show this object alone, no other one",
    "the network and its adapted copy": "show it alone, before a plain background",
}


def cure_of_refusal(reason: str) -> str:
    """What to do about a frame that was not kept; empty for a reason that nobody can mend."""
    return _cure(_CURES, reason)


def cure_of_mask(reason: str) -> str:
    """What to do about a refused mask."""
    return _cure(_MASK_CURES, reason)


def _cure(cures: dict[str, str], reason: str) -> str:
    return next((cure for start, cure in cures.items() if reason.startswith(start)), "")
