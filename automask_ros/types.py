"""The few value types that travel between the parts of the package.

Images are ``(H, W, 3) uint8`` BGR arrays everywhere; masks are ``(H, W) bool`` arrays, depth
maps ``(H, W) float32`` in metres with NaN where there is no depth.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

BGRImage: TypeAlias = NDArray[np.uint8]
BoolMask: TypeAlias = NDArray[np.bool_]
DepthMap: TypeAlias = NDArray[np.float32]

FARTHEST_DEPTH: Final = 1000.0
"""Metres: what lies beyond stands for "nothing measured", as some cameras write FLT_MAX for it."""

#: Stands where the name of a network stands when a mask was drawn by hand.
PERSON: Final = "person"


@dataclass(frozen=True)
class Verdict:
    """Stage one's own opinion of a mask.

    ``score`` lies in 0..1; ``reasons`` are words for a person, empty when there is nothing to say.
    """

    accepted: bool
    score: float
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Mask:
    """A mask of the taught object, ``(H, W) bool``, with the verdict on it."""

    pixels: BoolMask
    verdict: Verdict


class Way(Enum):
    """What became of a mask when the views of its object were compared."""

    COMPARED = "compared"
    """It stayed as it was."""
    JOINED = "joined"
    """Made of what the network sees and what the other views expect."""
    ADAPTED = "adapted"
    """The same, by a copy of the network that has learnt the object."""

    def maker(self, network: str) -> str:
        """What `View.made_by` says of such a mask of `network`."""
        return f"{network}, {self.value}"


@dataclass(frozen=True)
class View:
    """One image of one taught object, as the library knows it (the pixels stay on disk).

    ``captured_at`` is in unix seconds. As long as the view has no mask, ``verdict`` is None, and so
    are ``made_by`` (the network that made the mask, or PERSON) and ``mask_made_at`` (unix seconds).
    """

    id: str
    label: str
    captured_at: float
    source: str
    width: int
    height: int
    camera: dict[str, Any] | None = field(default=None, compare=False)
    verdict: Verdict | None = None
    vetoed: bool = False
    made_by: str | None = None
    mask_made_at: float | None = None

    @property
    def drawn(self) -> bool:
        """True when the mask is a person's work, and usable: no network replaces it."""
        return self.made_by == PERSON and self.verdict is not None and self.verdict.accepted

    @property
    def replaceable(self) -> bool:
        """True when the view has a mask that a network may replace."""
        return self.verdict is not None and not self.drawn

    @property
    def unsettled(self) -> bool:
        """True when the mask is the plain network's, not compared with those of other views yet."""
        if self.verdict is None or self.vetoed or self.made_by is None or self.made_by == PERSON:
            return False
        return not self.made_by.endswith(tuple(way.maker("") for way in Way))

    @property
    def trainable(self) -> bool:
        """True when the view has a mask that was accepted and that nobody vetoed."""
        return self.verdict is not None and self.verdict.accepted and not self.vetoed


@dataclass(frozen=True, eq=False)
class PlacedMask:
    """A mask's ``(h, w) bool`` crop and the pixel where its top left corner lies in the image.

    The crop lies inside the image; it may be empty.
    """

    top: int
    left: int
    pixels: BoolMask

    @property
    def window(self) -> tuple[slice, slice]:
        """Rows and columns of the image that the crop covers."""
        height, width = self.pixels.shape
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


@dataclass(frozen=True, eq=False)
class Detections:
    """What was found in one image, best first.

    ``boxes`` is ``(N, 4) float32``: x1, y1, x2, y2 in pixels; ``scores`` ``(N,) float32``,
    descending; ``class_ids`` ``(N,) int32``; ``labels`` and ``masks`` have one entry per detection;
    ``image_size`` is (height, width).
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    class_ids: NDArray[np.int32]
    labels: tuple[str, ...]
    masks: tuple[PlacedMask, ...]
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        count = len(self.labels)
        if self.boxes.shape != (count, 4):
            raise ValueError(f"boxes have shape {self.boxes.shape}, expected {(count, 4)}")
        if not len(self.scores) == len(self.class_ids) == len(self.masks) == count:
            raise ValueError("scores, class_ids, labels and masks differ in length")
        if np.any(np.diff(self.scores) > 0):
            raise ValueError("detections must come with descending scores")

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def empty(cls, image_size: tuple[int, int]) -> Detections:
        """Nothing found in an image of (height, width) pixels."""
        return cls(
            boxes=np.zeros((0, 4), np.float32),
            scores=np.zeros(0, np.float32),
            class_ids=np.zeros(0, np.int32),
            labels=(),
            masks=(),
            image_size=image_size,
        )

    def mask(self, index: int) -> BoolMask:
        """The mask of one detection over the whole image, ``(H, W) bool``."""
        pixels = np.zeros(self.image_size, bool)
        placed = self.masks[index]
        pixels[placed.window] = placed.pixels
        return pixels

    def instances(self) -> NDArray[np.uint16]:
        """``(H, W) uint16``: pixel ``i + 1`` belongs to detection ``i``, 0 to the background.

        Where masks overlap, the detection with the higher score is on top.
        """
        if len(self) > np.iinfo(np.uint16).max:
            raise ValueError(f"{len(self)} detections do not fit into 16 bits")
        image = np.zeros(self.image_size, np.uint16)
        for index in reversed(range(len(self))):
            placed = self.masks[index]
            image[placed.window][placed.pixels] = index + 1
        return image


@dataclass(frozen=True)
class Progress:
    """How far a long job is: step of total within a stage.

    Stages of a training: 'masks', 'composites', 'look', 'train', 'evaluate', 'export', 'compare',
    'promote', 'done'. Other work has its own, such as 'check'.
    """

    stage: str
    step: int
    total: int
    loss: float | None = None
    seconds_left: float | None = None


ProgressCallback: TypeAlias = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture from a source; ``stamp`` in unix seconds, ``name`` usable as a view's id."""

    image: BGRImage
    stamp: float
    name: str
    source: str
    camera: dict[str, Any] | None = None
