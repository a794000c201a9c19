"""The endless row of training samples: which scene comes when, at what size, and what is cut out.

A sample is a function of the seed and its position in the row alone. So a training that goes on
after a kill, on any number of processes, with any number of workers, sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from automask_ros.segmentation.normalisation import normalise
from automask_ros.segmentation.scene_parsing import UNLABELLED, Scene
from automask_ros.segmentation.vgg_fcn import VggFCN


class Scenes(Protocol):
    """Anything that holds scenes."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Scene: ...


@dataclass(frozen=True)
class CropConfig:
    """What is cut out of a scene."""

    size: int = 384
    """Height and width of a sample, in pixels."""
    scales: tuple[float, float] = (0.75, 1.5)
    """Range of the scene's shorter side, in sizes of a sample."""
    mirrored: float = 0.5
    """Share of the samples that are mirrored."""


class SampleRow(Dataset[tuple[Tensor, Tensor]]):
    """Sample at each position: image (3, S, S) float32 normalised, classes (S, S) int64.

    The sources take turns; each gives all its scenes in an order of their own before it gives one
    again.
    """

    def __init__(self, sources: Sequence[Scenes], config: CropConfig, seed: int) -> None:
        self._sources, self._config, self._seed = sources, config, seed

    @property
    def epoch(self) -> int:
        """Samples in which the largest source gives each of its scenes once."""
        return max(len(source) for source in self._sources) * len(self._sources)

    def __getitem__(self, position: int) -> tuple[Tensor, Tensor]:
        turn, which = divmod(position, len(self._sources))
        source = self._sources[which]
        epoch, place = divmod(turn, len(source))
        order = np.random.default_rng((self._seed, which, epoch)).permutation(len(source))
        rng = np.random.default_rng((self._seed, which, epoch, place))
        image, annotation = cut(source[int(order[place])], self._config, rng)
        return normalise(image, VggFCN)[0], torch.from_numpy(annotation.astype(np.int64))


class Positions(Sampler[int]):
    """Positions of one process from a step on: the samples of a step lie side by side in the row,
    and the processes share them in order of their ranks."""

    def __init__(self, steps: range, batch_size: int, rank: int, processes: int) -> None:
        """`batch_size` samples a step, over all processes; a multiple of their number."""
        self._steps, self._batch_size = steps, batch_size
        self._own = batch_size // processes
        self._first = rank * self._own

    def __len__(self) -> int:
        return len(self._steps) * self._own

    def __iter__(self) -> Iterator[int]:
        for step in self._steps:
            begin = step * self._batch_size + self._first
            yield from range(begin, begin + self._own)


def cut(
    scene: Scene, config: CropConfig, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A square out of the scene, at a scale and a place that `rng` chooses: image (S, S, 3) uint8
    BGR, and classes (S, S) int16; what lies outside the scene is unlabelled."""
    height, width = scene.annotation.shape
    scale = config.size * rng.uniform(*config.scales) / min(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    shrunk = cv2.INTER_AREA if scale < 1.0 else cv2.INTER_LINEAR
    image = cv2.resize(scene.image, size, interpolation=shrunk)
    annotation = cv2.resize(scene.annotation, size, interpolation=cv2.INTER_NEAREST_EXACT)
    bottom, right = (max(0, config.size - side) for side in annotation.shape)
    if bottom or right:
        image = cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REPLICATE)
        annotation = cv2.copyMakeBorder(
            annotation, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=UNLABELLED
        )
    top, left = (int(rng.integers(side - config.size + 1)) for side in annotation.shape)
    window = (slice(top, top + config.size), slice(left, left + config.size))
    image, annotation = image[window], annotation[window]
    if rng.random() < config.mirrored:
        image, annotation = image[:, ::-1], annotation[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(annotation)
