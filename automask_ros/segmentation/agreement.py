"""Agreement between the views of one object: does each mask hold what the others hold?

The views of a capture show one object in front of changing background, or things that stay while
one changes. What is inside all masks and outside none is the object, so a linear model tells inside
from outside by the features of a frozen network, and each view is judged by the model of the
others (leave one out, in closed form: ridge regression after Hoerl and Kennard, 1970). Views that
disagree count less in the next round. The features are never trained on the masks: a network that
merely grows sure of itself gains nothing here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch

from automask_ros.segmentation.normalisation import normalise

# Which of the backbone's maps are read: strides 8 and 16.
_LEVELS = (1, 2)


@dataclass(frozen=True)
class AgreementConfig:
    """How the views are compared."""

    input_size: int = 320
    """Longer side, in pixels, of what the frozen network sees."""
    ridge: float = 0.02
    """Strength of the ridge, as a share of the features' mean variance."""
    rounds: int = 3
    """How often the weights of the views are found anew."""
    least_views: int = 4
    """Fewer views with an object say nothing about each other."""
    gain: float = 4.0
    """How fast the model's answer grows certain with its distance from undecided."""


@dataclass(frozen=True)
class Agreement:
    """How a view's mask fits to the others; all values in 0..1."""

    inside: float
    """Share of the mask that looks like the object of the other views."""
    outside: float
    """What looks like it elsewhere in the picture, as a share of that and the mask."""
    value: float
    """Both together, like an intersection over union with what the others would say."""


class FeatureReader:
    """Reads the features of an image by a frozen network."""

    def __init__(self, network: Any, config: AgreementConfig | None = None) -> None:
        """`network` is a LiteFCN: only its backbone, mean and std are used."""
        self._network, self._config = network, config or AgreementConfig()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """(h, w, C) float16 features of an image (H, W, 3) uint8 BGR, an eighth of its side at
        `input_size`; the last three are its colours in CIELAB."""
        height, width = image.shape[:2]
        scale = self._config.input_size / max(height, width)
        size = (_multiple(width * scale), _multiple(height * scale))
        interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        resized = cv2.resize(image, size, interpolation=interpolation)
        device = next(self._network.parameters()).device
        with torch.inference_mode():
            maps = self._network.backbone(normalise(resized, self._network).to(device))
        read = [maps[level][0].permute(1, 2, 0).float().cpu().numpy() for level in _LEVELS]
        cells = (read[0].shape[1], read[0].shape[0])
        colours = cv2.cvtColor(
            cv2.resize(resized, cells, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2LAB
        )
        finer = [_resize_maps(one, cells) for one in read]
        return np.concatenate([*finer, colours / np.float32(16)], axis=2).astype(np.float16)


class Consensus:
    """What the views of one object say together about each of them."""

    def __init__(
        self,
        features: Sequence[np.ndarray],
        masks: Sequence[np.ndarray],
        weights: Sequence[float],
        *,
        empty_scenes: Sequence[np.ndarray] = (),
        config: AgreementConfig | None = None,
    ) -> None:
        """`features` (h, w, C) and `masks` (H, W) bool of the views, `weights` in 0..1 how far
        each mask is trusted at first; `empty_scenes` are features of pictures without it."""
        self._config = config or AgreementConfig()
        rows = [one.reshape(-1, one.shape[2]).astype(np.float32) for one in features]
        absent = [one.reshape(-1, one.shape[2]).astype(np.float32) for one in empty_scenes]
        everything = np.concatenate([*rows, *absent])
        self._centre, self._spread = everything.mean(axis=0), everything.std(axis=0) + 1e-3
        self._rows = [self._normalise(one) for one in rows]
        self._shapes = [one.shape[:2] for one in features]
        self._absent = [self._normalise(one) for one in absent]
        self._absent_sums: list[tuple[np.ndarray, np.ndarray]] = []
        self.weights = np.array(weights, float)
        self._fit(masks)

    def _fit(self, masks: Sequence[np.ndarray]) -> None:
        covers = [_cover(mask, shape) for mask, shape in zip(masks, self._shapes, strict=True)]
        shown = np.array([cover.max(initial=0) >= 0.5 for cover in covers])
        self.weights = self.weights * shown
        self._view_sums = [
            _sums(row, cover.ravel()) for row, cover in zip(self._rows, covers, strict=True)
        ]
        first = self.weights.copy()
        for _ in range(self._config.rounds):
            self._absent_sums = [self._contradict(rows) for rows in self._absent]
            self._view_sums = [self._view_sum(i, cover) for i, cover in enumerate(covers)]
            values = [self._agree(i, cover).value for i, cover in enumerate(covers)]
            self.weights = first * np.array(values) ** 2

    @property
    def possible(self) -> bool:
        """True when enough views show something for the others to be judged by it."""
        return int((self.weights > 0).sum()) >= self._config.least_views

    def agreement(self, index: int, mask: np.ndarray) -> Agreement:
        """How a mask (H, W) bool of the view `index` fits to the masks of all other views."""
        return self._agree(index, _cover(mask, self._shapes[index]))

    def expected(self, index: int) -> np.ndarray:
        """(h, w) float32 in 0..1: where the other views see their object in the view `index`."""
        soft = self._answer(self._rows[index], left_out=index)
        found: np.ndarray = soft.reshape(self._shapes[index])
        return found

    def _answer(self, rows: np.ndarray, left_out: int | None = None) -> np.ndarray:
        """(N,) float32 in 0..1: how far the model of the views calls these features object."""
        normal, right = self._total(left_out)
        size = len(right)
        ridge = self._config.ridge * float(np.trace(normal)) / size
        model = np.linalg.solve(normal + ridge * np.eye(size), right)
        distance = rows @ model.astype(np.float32)
        soft: np.ndarray = 1 / (1 + np.exp(-self._config.gain * distance))
        return soft.astype(np.float32)

    def _view_sum(self, index: int, cover: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The view's own sums, where half the say of its background is with what the others would
        call object: a thing that most views leave out is not the object because some took it."""
        near = cv2.dilate(cover, np.ones((5, 5), np.uint8))
        doubt = (1 - near) * self.expected(index) ** 2
        return _sums(self._rows[index], cover.ravel(), doubt.ravel())

    def _contradict(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Gram matrix and moments of an empty scene: all of it is background, and what the views
        would call object has the say."""
        doubt = self._answer(rows) ** 2
        balance = 0.5 * doubt / doubt.sum() + 0.5 / len(rows)
        weighted = rows * balance[:, None].astype(np.float32)
        return (weighted.T @ rows).astype(float), -weighted.sum(axis=0).astype(float)

    def _agree(self, index: int, cover: np.ndarray) -> Agreement:
        if cover.max(initial=0) < 0.5:
            return Agreement(0.0, 0.0, 0.0)
        expected = self.expected(index)
        # Features are blurred: next to the mask they say nothing.
        near = cv2.dilate(cover, np.ones((3, 3), np.uint8))
        core = cover if cover.sum() < 12 else cv2.erode(cover, np.ones((3, 3), np.uint8))
        core = core if core.sum() > 2 else cover
        inside = float((core * expected).sum() / core.sum())
        elsewhere = float(((1 - near) * np.maximum(0, 2 * expected - 1)).sum())
        area = float(cover.sum())
        return Agreement(inside, elsewhere / (elsewhere + area), inside * area / (area + elsewhere))

    def _total(self, left_out: int | None) -> tuple[np.ndarray, np.ndarray]:
        """The normal equations of all views but one."""
        used = [
            (weight, sums)
            for i, (weight, sums) in enumerate(zip(self.weights, self._view_sums, strict=True))
            if i != left_out and weight > 0
        ]
        # Together the empty scenes weigh as much as the views.
        share = float(self.weights.sum()) / max(1, len(self._absent_sums))
        used += [(share, sums) for sums in self._absent_sums]
        size = len(self._centre) + 1
        normal, right = np.eye(size) * 1e-6, np.zeros(size)
        for weight, (gram, moment) in used:
            normal += weight * gram
            right += weight * moment
        return normal, right

    def _normalise(self, rows: np.ndarray) -> np.ndarray:
        """Features of zero mean and unit variance, and a one for the offset."""
        scaled = ((rows - self._centre) / self._spread).clip(-5, 5)
        return np.concatenate([scaled, np.ones((len(rows), 1), np.float32)], axis=1)


def _sums(
    rows: np.ndarray, cover: np.ndarray, doubt: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Gram matrix and moments of a view: object +1, the rest -1, each half of the weight; of the
    rest, where there is `doubt`, half of it lies there."""
    share = cover.mean()
    rest = (1 - cover) / max(1 - share, 1e-6)
    if doubt is not None and doubt.sum() > 0:
        rest = 0.5 * rest + 0.5 * doubt / doubt.mean()
    balance = 0.5 * cover / max(share, 1e-6) + 0.5 * rest
    weighted = rows * (balance / len(rows))[:, None].astype(np.float32)
    return (weighted.T @ rows).astype(float), (weighted.T @ (2 * cover - 1)).astype(float)


def _cover(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """(h, w) float32: the share of each cell that a mask covers."""
    cells: np.ndarray = cv2.resize(
        mask.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_AREA
    )
    return cells


def _multiple(length: float) -> int:
    return max(32, 32 * round(length / 32))


def _resize_maps(maps: np.ndarray, cells: tuple[int, int]) -> np.ndarray:
    """(h, w, C) to other cells; OpenCV takes at most 512 channels, backbones have fewer here."""
    if maps.shape[1::-1] == cells:
        return maps
    resized: np.ndarray = cv2.resize(maps, cells, interpolation=cv2.INTER_LINEAR)
    return resized
