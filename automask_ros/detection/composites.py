"""Clutter made out of single views: taught objects cut out and put together in new pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from automask_ros.detection import camera
from automask_ros.detection.classes import id_of
from automask_ros.detection.cutouts import Cutout, cut_out, distractor, remove_object
from automask_ros.detection.foreign import foreign_places, foreign_thing
from automask_ros.detection.pasting import fit_image, network_size
from automask_ros.detection.placing import Placement, Scene
from automask_ros.detection.textures import random_background
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import BGRImage, BoolMask, View

Target = dict[str, torch.Tensor]


@dataclass(frozen=True)
class CompositeConfig:
    """How the pictures that teach are made; shares are of all pictures."""

    real_share: float = 0.1  # views, moved and lit, nothing pasted
    labelled_background_share: float = 0.25  # views with their own object left in, and more pasted
    emptied_background_share: float = 0.25  # views with their own object removed; the rest is drawn
    most_objects: int = 9
    most_distractors: int = 9
    foreign_share: float = 0.65  # of the distractors: rendered things; the rest are made-up shapes
    foreign_place_share: float = 0.5  # of drawn backgrounds: rendered scenes full of other things
    smallest: float = 0.22  # size of a pasted object relative to its size in the view
    largest: float = 1.1
    upright_share: float = 0.6  # turned by 20 degrees at most; the rest by any angle
    least_visible: float = 0.25  # share of an object that must show for it to be taught
    least_pixels: int = 40


@dataclass(frozen=True, eq=False)
class Composite:
    """A picture to learn from: ``image (H, W, 3) uint8 BGR``, ``masks (N, H, W) bool``,
    disjoint, and ``class_ids (N,) int64``."""

    image: BGRImage
    masks: NDArray[np.bool_]
    class_ids: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class _Source:
    """A view at the network's size."""

    image: BGRImage
    mask: BoolMask
    cutout: Cutout


class CompositeDataset:
    """Composites by number: the same seed and number give the same picture.

    Only trainable views are used; `backgrounds` are further pictures ``(H, W, 3) uint8 BGR``
    that show no taught object. AutomaskError when a label has no usable view.
    """

    def __init__(
        self,
        library: Library,
        views: Sequence[View],
        labels: dict[str, int],
        *,
        image_size: int,
        seed: int = 0,
        backgrounds: Sequence[BGRImage] = (),
        config: CompositeConfig | None = None,
    ) -> None:
        self.config = config or CompositeConfig()
        self.labels = dict(labels)
        self.objects = len({view.label for view in views})
        self._seed = seed
        self._image_size = image_size
        self._sensor = camera.Sensor(seed)
        self._sources: dict[int, list[_Source]] = {class_id: [] for class_id in labels.values()}
        for view in views:
            class_id = id_of(view.label, labels)
            source = _read(library, view, class_id, image_size)
            if source is not None:
                self._sources[class_id].append(source)
        for label, class_id in labels.items():
            if not self._sources[class_id]:
                raise AutomaskError(f"no usable mask of {label}; capture more views of it")
        self.class_ids = sorted(self._sources)
        self._backgrounds = [fit_image(image, image_size) for image in backgrounds]
        self._emptied: dict[int, BGRImage] = {}

    def __getitem__(self, index: int) -> Composite:
        rng = np.random.default_rng((self._seed, index))
        config = self.config
        kind = rng.random()
        thresholds = np.cumsum(
            [config.real_share, config.labelled_background_share, config.emptied_background_share]
        )
        own = self._any_source(rng)
        if kind < thresholds[1]:
            scene = self._scene_of(rng, own)
        elif kind < thresholds[2]:
            scene = Scene(self._without_object(own))
        else:
            scene = Scene(self._background(rng, (own.mask.shape[0], own.mask.shape[1])))
        if kind >= thresholds[0]:
            self._fill(rng, scene)
        return self._finish(rng, scene)

    def _any_source(self, rng: np.random.Generator) -> _Source:
        sources = self._sources[int(rng.choice(self.class_ids))]
        return sources[rng.integers(len(sources))]

    def _scene_of(self, rng: np.random.Generator, source: _Source) -> Scene:
        """The view itself with its object taught, mostly moved a little."""
        height, width = source.mask.shape
        if rng.random() < 0.3:
            return Scene(source.image, [(source.mask, source.cutout.class_id)])
        zoom = float(np.exp(rng.uniform(np.log(0.6), np.log(1.4))))
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(rng.uniform(-15, 15)), zoom)
        shift = rng.uniform(-0.15, 0.15, 2) * (width, height)
        matrix = np.column_stack([turn[:, :2], turn[:, 2] + shift])
        colour = self._background(rng, (height, width))
        inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), matrix, (width, height))
        moved = cv2.warpAffine(source.image, matrix, (width, height), flags=cv2.INTER_LINEAR)
        image = np.where(inside[..., None] > 254, moved, colour).astype(np.uint8)
        grey = cv2.warpAffine(source.mask.astype(np.uint8) * 255, matrix, (width, height))
        return Scene(image, [((grey > 127) & (inside > 254), source.cutout.class_id)])

    def _without_object(self, source: _Source) -> BGRImage:
        key = id(source)
        if key not in self._emptied:
            self._emptied[key] = remove_object(source.image, source.mask)
        return self._emptied[key]

    def _background(self, rng: np.random.Generator, size: tuple[int, int]) -> BGRImage:
        if self._backgrounds and rng.random() < 0.7:
            image = self._backgrounds[rng.integers(len(self._backgrounds))]
            return np.asarray(cv2.resize(image, (size[1], size[0])), np.uint8)
        if rng.random() < self.config.foreign_place_share:
            places = foreign_places()
            return _window(rng, places[rng.integers(len(places))], size)
        return random_background(rng, size[0], size[1])

    def _distractor(self, rng: np.random.Generator, thing: Cutout) -> Cutout:
        if rng.random() < self.config.foreign_share:
            return foreign_thing(rng, thing)
        return distractor(rng, thing, self._without_object(self._any_source(rng)))

    def _fill(self, rng: np.random.Generator, scene: Scene) -> None:
        """Paste objects and distractors in a random order, so that any may hide any."""
        config = self.config
        objects = int(rng.integers(1, config.most_objects + 1))
        distractors = int(rng.integers(0, config.most_distractors + 1))
        for is_object in rng.permutation([True] * objects + [False] * distractors):
            source = self._any_source(rng)
            thing = source.cutout
            if not is_object:
                thing = self._distractor(rng, thing)
            lit = camera.relight(rng, camera.shade(rng, thing.image), strength=0.8)
            placement = Placement.random(
                rng,
                thing.alpha.shape,
                scene.size,
                scale=(config.smallest, config.largest),
                upright_share=config.upright_share,
            )
            scene.paste(rng, Cutout(lit, thing.alpha, thing.class_id), placement)

    def _finish(self, rng: np.random.Generator, scene: Scene) -> Composite:
        """The picture as a camera delivers it, with what is still visible of each object."""
        image = camera.relight(rng, scene.image, strength=0.8)
        if rng.random() < 0.5:
            image = camera.blur(rng, image, largest=1.2)
        image = self._sensor(rng, image)
        kept = scene.visible(self.config.least_visible, self.config.least_pixels)
        masks = np.zeros((len(kept), *scene.size), bool)
        for row, (mask, _) in zip(masks, kept, strict=True):
            row[:] = mask
        return Composite(image, masks, np.array([class_id for _, class_id in kept], np.int64))


def boxes_of(masks: NDArray[np.bool_]) -> NDArray[np.float32]:
    """The bounds of each of `masks` ``(N, H, W)``, none of them empty: ``(N, 4) xyxy``."""
    boxes = np.zeros((len(masks), 4), np.float32)
    for box, mask in zip(boxes, masks, strict=True):
        rows, columns = np.where(mask.any(1))[0], np.where(mask.any(0))[0]
        box[:] = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
    return boxes


def to_target(composite: Composite) -> tuple[torch.Tensor, Target]:
    """`composite` as torchvision's Mask R-CNN takes it: RGB in 0..1, and its target."""
    rgb = np.ascontiguousarray(composite.image[..., ::-1].transpose(2, 0, 1))
    return torch.from_numpy(rgb).float() / 255.0, {
        "boxes": torch.from_numpy(boxes_of(composite.masks)),
        "labels": torch.from_numpy(composite.class_ids),
        "masks": torch.from_numpy(composite.masks.astype(np.uint8)),
    }


def _window(rng: np.random.Generator, image: BGRImage, size: tuple[int, int]) -> BGRImage:
    """A random part of `image`, mirrored by chance, brought to `size` (height, width)."""
    share = float(rng.uniform(0.45, 1.0))
    scale = min(image.shape[0] / size[0], image.shape[1] / size[1]) * share
    rows, columns = max(2, round(size[0] * scale)), max(2, round(size[1] * scale))
    top = int(rng.integers(image.shape[0] - rows + 1))
    left = int(rng.integers(image.shape[1] - columns + 1))
    part = image[top : top + rows, left : left + columns]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    part = np.ascontiguousarray(part)
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(part, (size[1], size[0]), interpolation=way), np.uint8)


def _read(library: Library, view: View, class_id: int, image_size: int) -> _Source | None:
    """A trainable view at the network's size; None where its mask vanishes at that size."""
    mask = library.read_mask(view)
    if mask is None or not view.trainable:
        return None
    height, width = network_size(view.height, view.width, image_size)
    small = cv2.resize(mask.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA) > 0.5
    if small.sum() < 16:
        return None
    image = fit_image(library.read_image(view), image_size)
    return _Source(image, small, cut_out(image, small, class_id))
