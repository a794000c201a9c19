"""The verdict on a mask: accepted or refused, with a score that ranks masks and reasons in words.

The score is a product of factors in 0..1, each the answer to one question: how much of this mask
would the network itself bet on, how fast does its certainty change at the boundary, does the image
show an edge there, was something else found as well, does the object leave the image?
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from automask_ros.segmentation.agreement import Agreement
from automask_ros.segmentation.blobs import BlobStatistics
from automask_ros.segmentation.surroundings import find_surroundings, shrink
from automask_ros.types import Verdict

# The surroundings of the object that are looked at, in square roots of its area, and their size in
# pixels.
_MARGIN = 0.4
_WORKING_SIDE = 192
# How far to each side of the boundary colours are compared, in square roots of the object's area.
_COMPARED = 0.06


@dataclass(frozen=True)
class VerdictConfig:
    """What a mask must have to be trained on."""

    accept_score: float = 0.65
    """Least score of an accepted mask."""
    smallest_area: float = 0.002
    """Least share of the image that the object covers."""
    largest_area: float = 0.7
    """Greatest share of the image that the object covers."""
    most_border: float = 0.12
    """Greatest share of the boundary that may lie on the border of the image."""
    most_stray: float = 0.15
    """Greatest share of what was found that may have been dropped as stray blobs."""
    least_certainty: float = 0.75
    """Least intersection over union that the probabilities promise."""
    least_sharpness: float = 0.6
    """Least share of the pixels at probability 0.25 that also reach 0.75."""
    least_contrast: float = 0.3
    """Least share of the boundary at which the image shows an edge."""
    least_agreement: float = 0.5
    """Least agreement with the other views of the object, where there are enough."""
    least_inside: float = 0.6
    """Least share of the mask that looks like what the other views show."""
    edge_difference: float = 8.0
    """Distance in 8-bit CIELAB between its two sides from which a boundary counts as an edge."""


@dataclass(frozen=True)
class Evidence:
    """What image and probabilities say about a mask; each value lies in 0..1, more is better."""

    certainty: float
    """Intersection over union with the true mask that the probabilities let expect."""
    sharpness: float
    """Area at probability 0.75 over area at 0.25: near 1 where the boundary is certain."""
    contrast: float
    """Share of the boundary at which the colours inside and outside differ."""


@dataclass(frozen=True)
class _Factor:
    """One part of the score, and the words for it where it is what the mask lacks."""

    value: float
    refused: bool
    words: str


def judge(
    statistics: BlobStatistics,
    probability: np.ndarray,
    mask: np.ndarray,
    image: np.ndarray,
    config: VerdictConfig | None = None,
) -> Verdict:
    """Accepts or refuses a mask (H, W) bool.

    `probability` (H, W) float32 is what the network said, `image` (H, W, 3) uint8 BGR what it saw.
    A refused mask has at least one reason, an accepted one none.
    """
    config = config or VerdictConfig()
    if statistics.empty or not mask.any():
        return Verdict(False, 0.0, ("no object found",))
    evidence = gather_evidence(probability, mask, image, config.edge_difference)
    factors = [*_place_factors(statistics, config), *_evidence_factors(evidence, config)]
    score = math.prod(factor.value for factor in factors)
    reasons = [factor.words for factor in factors if factor.refused]
    if score < config.accept_score and not reasons:
        reasons = [min(factors, key=lambda factor: factor.value).words]
    return Verdict(not reasons, float(min(1.0, max(0.0, score))), tuple(reasons))


def with_agreement(
    verdict: Verdict, agreement: Agreement, config: VerdictConfig | None = None
) -> Verdict:
    """A verdict that knew its own view alone, and how the mask fits to the object's other views.

    Views differ without being wrong: only half of the score depends on it, and only a mask that
    has little in common with the others is refused for it.
    """
    config = config or VerdictConfig()
    if verdict.score == 0.0:
        return verdict
    score = verdict.score * (0.5 + 0.5 * agreement.value)
    reasons = list(verdict.reasons)
    if agreement.value < config.least_agreement or agreement.inside < config.least_inside:
        reasons.append(_disagreement(agreement))
    return Verdict(not reasons, float(score), tuple(reasons))


def of_two_networks(
    plain: Verdict, adapted: Verdict, likeness: float, config: VerdictConfig | None = None
) -> Verdict:
    """The verdict on a mask of an adapted network, which is always sure of itself.

    `plain` is the verdict on what the network made of the view before, `likeness` the intersection
    over union of the two masks: what both see is surer.
    """
    config = config or VerdictConfig()
    score = math.sqrt(plain.score * adapted.score) * (0.5 + 0.5 * likeness)
    reasons = adapted.reasons
    if score < config.accept_score and not reasons:
        reasons = (f"the network and its adapted copy see it differently ({likeness:.0%} alike)",)
    return Verdict(not reasons, score, reasons)


def _disagreement(agreement: Agreement) -> str:
    if agreement.outside > 1.0 - agreement.inside:
        return (
            "differs from the other views: what they show is also elsewhere"
            f" ({agreement.outside:.0%} of it)"
        )
    return (
        "differs from the other views: little of it looks like what they show"
        f" ({agreement.inside:.0%})"
    )


def gather_evidence(
    probability: np.ndarray, mask: np.ndarray, image: np.ndarray, edge_difference: float
) -> Evidence:
    """Measures a mask (H, W) bool with at least one pixel against network and image."""
    window = find_surroundings(mask, _MARGIN)
    inside = shrink(mask[window].astype(np.float32), _WORKING_SIDE)
    near = shrink(np.ascontiguousarray(probability[window], dtype=np.float32), _WORKING_SIDE)
    union = float(inside.sum() + (near * (1.0 - inside)).sum())
    wide = int(np.count_nonzero(near >= 0.25))
    return Evidence(
        certainty=float((near * inside).sum()) / union,
        sharpness=int(np.count_nonzero(near >= 0.75)) / max(1, wide),
        contrast=_edge_share(shrink(image[window], _WORKING_SIDE), inside, edge_difference),
    )


def _place_factors(statistics: BlobStatistics, config: VerdictConfig) -> list[_Factor]:
    area, border, stray = statistics.area_share, statistics.border_share, statistics.stray_share
    return [
        _Factor(
            min(1.0, area / config.smallest_area),
            area < config.smallest_area,
            f"too small ({area:.1%} of the image)",
        ),
        _Factor(
            min(1.0, (1.0 - area) / (1.0 - config.largest_area)),
            area > config.largest_area,
            f"too large ({area:.0%} of the image)",
        ),
        _Factor(
            1.0 - border,
            border > config.most_border,
            f"touches the border of the image ({border:.0%} of its boundary)",
        ),
        _Factor(
            1.0 - stray,
            stray > config.most_stray,
            f"stray blobs hold {stray:.0%} of what was found",
        ),
    ]


def _evidence_factors(evidence: Evidence, config: VerdictConfig) -> list[_Factor]:
    return [
        _Factor(
            evidence.certainty,
            evidence.certainty < config.least_certainty,
            f"object probability low ({evidence.certainty:.0%})",
        ),
        _Factor(
            evidence.sharpness,
            evidence.sharpness < config.least_sharpness,
            f"boundary uncertain ({1.0 - evidence.sharpness:.0%} of the area in doubt)",
        ),
        # Parts of an object look like what lies behind them without the mask being wrong: only half
        # counts.
        _Factor(
            0.5 + 0.5 * evidence.contrast,
            evidence.contrast < config.least_contrast,
            f"no visible edge along {1.0 - evidence.contrast:.0%} of the boundary",
        ),
    ]


def _edge_share(image: np.ndarray, inside: np.ndarray, edge_difference: float) -> float:
    """Share of the boundary of `inside` (h, w) 0..1 where the colours of its sides differ."""
    mask = (inside >= 0.5).astype(np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    boundary = (cv2.dilate(mask, cross) - cv2.erode(mask, cross)).astype(bool)
    # On the border of the image there is no other side.
    boundary[[0, -1]] = False
    boundary[:, [0, -1]] = False
    if not boundary.any():
        return 0.0
    colours = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    reach = max(2, round(_COMPARED * math.sqrt(float(mask.sum()))))
    weight = mask.astype(np.float32)
    difference = _local_mean(colours, weight, reach) - _local_mean(colours, 1.0 - weight, reach)
    distance = np.linalg.norm(difference, axis=2)
    return float((distance[boundary] >= edge_difference).mean())


def _local_mean(colours: np.ndarray, weight: np.ndarray, reach: int) -> np.ndarray:
    """(h, w, 3) mean colour within `reach` pixels of each, where `weight` (h, w) is set."""
    window = (2 * reach + 1, 2 * reach + 1)
    total = cv2.blur(colours * weight[..., None], window)
    mean: np.ndarray = total / np.maximum(cv2.blur(weight, window), 1e-6)[..., None]
    return mean
