"""The blob filter: of everything that looks like an object, keep the one that is shown."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from automask_ros.segmentation.holes import HoleConfig, fill_false_holes, find_holes

# Components of fewer pixels are specks: they are dropped unseen.
_SPECK = 8
# Only so many of the heaviest components are examined as parts of the object.
_CANDIDATES = 24


@dataclass(frozen=True)
class BlobConfig:
    """What belongs to an object and what is a stray."""

    threshold: float = 0.5
    """Probability from which a pixel counts as object."""
    centre_spread: float = 0.7
    """How far from the centre the object is shown: standard deviation in half diagonals."""
    part_share: float = 0.01
    """A second blob is a part of the object only if it weighs this share of the main one."""
    part_most: float = 0.4
    """... and at most this share: what is about as large stands beside it."""
    part_gap: float = 0.15
    """... and if it lies within this many square roots of the main blob's area."""
    holes: HoleConfig = field(default_factory=HoleConfig)


@dataclass(frozen=True)
class BlobStatistics:
    """What the filter saw. Shares lie in 0..1."""

    blobs: int
    """Connected components that are no specks, before the filter."""
    parts: int
    """How many of them were kept."""
    stray_share: float
    """Share of what was found that was dropped as strays, weighted as it was for the choice."""
    area_share: float
    """Share of the image that the mask covers."""
    hole_share: float
    """Share of the mask's outline filled (mask and its holes) that genuine holes hold."""
    border_share: float
    """Share of the mask's boundary that lies on the border of the image."""
    solidity: float
    """Area of the mask and its holes over the area of its convex hull."""
    box: tuple[int, int, int, int]
    """left, top, width, height of the mask in pixels; zeros when it is empty."""

    @property
    def empty(self) -> bool:
        """True when nothing was found."""
        return self.parts == 0


@dataclass(frozen=True)
class _Components:
    """The connected components of a binary image; index 0 is the background."""

    labels: np.ndarray  # (H, W) int32
    areas: np.ndarray  # (N,) pixels
    masses: np.ndarray  # (N,) summed probability
    centroids: np.ndarray  # (N, 2) x, y


def filter_blobs(
    probability: np.ndarray,
    config: BlobConfig | None = None,
    image: np.ndarray | None = None,
) -> tuple[np.ndarray, BlobStatistics]:
    """The object in a probability map, without strays and pinholes.

    `probability` is (H, W) float in 0..1; the `image` (H, W, 3) uint8 BGR, where it is given, tells
    whether one sees through a hole. Returns the mask (H, W) bool, all False when nothing
    reaches the threshold, and the statistics that the verdict is built on.
    """
    config = config or BlobConfig()
    probability = np.ascontiguousarray(probability, dtype=np.float32)
    found = _connected_components(probability >= config.threshold, probability)
    blobs = int((found.areas[1:] >= _SPECK).sum())
    if blobs == 0:
        empty = np.zeros(probability.shape, bool)
        return empty, BlobStatistics(0, 0, 0.0, 0.0, 0.0, 0.0, 0.0, (0, 0, 0, 0))
    weights = _weigh(found, config)
    kept = _choose_object(found, weights, config)
    pixels = np.isin(found.labels, kept)
    stray_share = 1.0 - float(weights[kept].sum() / weights.sum())
    pixels = fill_false_holes(pixels, probability, image, config.holes)
    return pixels, describe_mask(pixels, blobs, len(kept), stray_share)


def describe_mask(pixels: np.ndarray, blobs: int, parts: int, stray_share: float) -> BlobStatistics:
    """The statistics of a mask (H, W) bool with at least one pixel, after what was counted."""
    area = int(np.count_nonzero(pixels))
    filled = area + sum(hole_area for _, hole_area in find_holes(pixels)[1])
    contours, _ = cv2.findContours(
        pixels.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    hull = np.zeros(pixels.shape, np.uint8)
    cv2.fillConvexPoly(hull, cv2.convexHull(np.concatenate(contours)), 1)
    left, top, width, height = cv2.boundingRect(np.concatenate(contours))
    return BlobStatistics(
        blobs=blobs,
        parts=parts,
        stray_share=max(0.0, stray_share),
        area_share=area / pixels.size,
        hole_share=1.0 - area / filled,
        border_share=_border_share(pixels),
        solidity=filled / max(filled, int(np.count_nonzero(hull))),
        box=(left, top, width, height),
    )


def _connected_components(binary: np.ndarray, probability: np.ndarray) -> _Components:
    count, labels, statistics, centroids = cv2.connectedComponentsWithStats(
        binary.astype(np.uint8), connectivity=8
    )
    masses = np.bincount(labels.ravel(), weights=probability.ravel(), minlength=count)
    return _Components(labels, statistics[:, cv2.CC_STAT_AREA], masses, centroids)


def _weigh(found: _Components, config: BlobConfig) -> np.ndarray:
    """(N,) how much each component counts as the object that is shown; the background nothing."""
    height, width = found.labels.shape
    centre = np.array([(width - 1) / 2, (height - 1) / 2])
    distance = np.linalg.norm(found.centroids - centre, axis=1) / (math.hypot(height, width) / 2)
    prior = np.exp(-0.5 * (distance / config.centre_spread) ** 2)
    # What runs along the border is rather the edge of the table than the thing that is shown.
    weights: np.ndarray = found.masses * prior * (1.0 - 0.95 * _border_contact(found)) ** 2
    weights[0] = 0.0
    return weights


def _choose_object(found: _Components, weights: np.ndarray, config: BlobConfig) -> np.ndarray:
    """The labels of the components that make up the object, the main one first."""
    main = int(weights.argmax())
    candidates = np.argsort(-found.masses)[:_CANDIDATES]
    shares = found.masses[candidates] / found.masses[main]
    fitting = (shares >= config.part_share) & (shares <= config.part_most)
    parts = [int(c) for c in candidates[fitting] if c not in (0, main)]
    if not parts:
        return np.array([main])
    to_main = cv2.distanceTransform(
        (found.labels != main).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5
    )
    reach = config.part_gap * math.sqrt(found.areas[main])
    near = [part for part in parts if to_main[found.labels == part].min() <= reach]
    return np.array([main, *near])


def _border_contact(found: _Components) -> np.ndarray:
    """(N,) share of a component's extent that lies on the border of the image, 0..1."""
    labels = found.labels
    ring = np.concatenate([labels[0], labels[-1], labels[1:-1, 0], labels[1:-1, -1]])
    on_border = np.bincount(ring, minlength=len(found.areas))
    # The perimeter of a disc of the same area: exact enough to tell a leaning object from a strip.
    perimeter = 2.0 * np.sqrt(math.pi * np.maximum(found.areas, 1))
    share: np.ndarray = np.minimum(1.0, on_border / perimeter)
    return share


def _border_share(pixels: np.ndarray) -> float:
    """Share of the boundary pixels of a mask (H, W) bool that lie on the border of the image."""
    mask = pixels.astype(np.uint8)
    inner = cv2.erode(
        mask, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_CONSTANT, borderValue=0
    )
    boundary = int(np.count_nonzero(mask)) - int(np.count_nonzero(inner))
    on_border = sum(
        int(np.count_nonzero(side)) for side in (mask[0], mask[-1], mask[1:-1, 0], mask[1:-1, -1])
    )
    return on_border / max(1, boundary)
