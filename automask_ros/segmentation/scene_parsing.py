"""SceneParse150 as it is published: photographs, and for each a picture of class numbers.

    ADEChallengeData2016/images/{training,validation}/NAME.jpg
    ADEChallengeData2016/annotations/{training,validation}/NAME.png    0 = unlabelled, 1 ... 150
    ADEChallengeData2016/objectInfo150.txt                             names of the classes

Zhou et al., "Scene Parsing through ADE20K Dataset" (CVPR 2017).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import SUFFIXES, BadImage, decode, read_file
from automask_ros.segmentation.scene_classes import read_names

FOLDER = "ADEChallengeData2016"
HOME = "http://sceneparsing.csail.mit.edu"
SPLITS = ("training", "validation")
UNLABELLED = 0


@dataclass(frozen=True, eq=False)
class Scene:
    """A photograph (H, W, 3) uint8 BGR and its class numbers (H, W) int16, 0 where unlabelled."""

    name: str
    image: np.ndarray
    annotation: np.ndarray


class SceneParsing:
    """One split of a data set in this layout, in order of the files' names."""

    def __init__(self, data: Path, split: str) -> None:
        """`data` is the folder ADEChallengeData2016, or the one that holds it.

        AutomaskError when it is not there, or a photograph lacks its annotation.
        """
        root = find_set(data)
        self.names = read_names(root)
        self._annotations = root / "annotations" / split
        images = root / "images" / split
        if not images.is_dir() or not self._annotations.is_dir():
            raise AutomaskError(_missing(f"{root} has no images and annotations for {split}"))
        self._images = sorted(p for p in images.iterdir() if p.suffix.lower() in SUFFIXES)
        if not self._images:
            raise AutomaskError(_missing(f"{images} is empty"))
        drawn = {path.stem for path in self._annotations.glob("*.png")}
        bare = [path for path in self._images if path.stem not in drawn]
        if bare:
            missing = self._annotations / f"{bare[0].stem}.png"
            raise AutomaskError(
                f"{len(bare)} images have no annotation, such as {missing}; unpack the set again"
            )

    def __len__(self) -> int:
        return len(self._images)

    def __getitem__(self, index: int) -> Scene:
        """The scene `index`. AutomaskError when a file is damaged or does not fit its other."""
        path = self._images[index]
        image = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        drawn = self._annotations / f"{path.stem}.png"
        annotation = _decode(drawn, cv2.IMREAD_UNCHANGED)
        if annotation.ndim != 2 or annotation.dtype != np.uint8:
            raise AutomaskError(f"{drawn} is not grey with 8 bits: its values are class numbers")
        if annotation.shape != image.shape[:2]:
            raise AutomaskError(f"{drawn} has not the size of {path}; unpack the set again")
        if annotation.max(initial=0) > len(self.names):
            raise AutomaskError(
                f"{drawn} holds the value {annotation.max()}, but there are {len(self.names)} "
                "classes; 0 is for what is unlabelled"
            )
        return Scene(path.stem, image, annotation.astype(np.int16))


def find_set(data: Path) -> Path:
    """The folder that holds `images` and `annotations`: `data`, or its ADEChallengeData2016."""
    for root in (data, data / FOLDER):
        if (root / "images").is_dir() and (root / "annotations").is_dir():
            return root
    raise AutomaskError(_missing(f"{data} does not hold SceneParse150"))


def _missing(what: str) -> str:
    return (
        f"{what}: get {FOLDER}.zip from {HOME}, unpack it, and give the folder {FOLDER}, with "
        "images/ and annotations/, each with training/ and validation/"
    )


def _decode(path: Path, flags: int) -> np.ndarray:
    try:
        return np.asarray(decode(read_file(path), str(path), flags))
    except BadImage as error:
        # A worker's error is made anew from its words alone, which a BadImage cannot be.
        fault = error.fault.removeprefix("is damaged: ")
        raise AutomaskError(f"{path} is damaged: {fault}; unpack the set again") from None
