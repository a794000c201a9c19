"""A library of drawn views, and a small network without training."""

from pathlib import Path

import pytest
import torch
from detection.drawn_views import SMALL, add_views

from automask_ros.detection.base_models import save_checkpoint
from automask_ros.detection.mask_rcnn import build_lite
from automask_ros.library.library import Library


@pytest.fixture()
def library(tmp_path: Path) -> Library:
    """Eight accepted views each of 'disc' and 'box'."""
    made = Library(tmp_path / "library", create=True)
    for label in ("disc", "box"):
        add_views(made, label, 8)
    return made


@pytest.fixture(scope="session")
def base_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A class-agnostic start checkpoint, seeded, untrained."""
    torch.manual_seed(1)
    path = tmp_path_factory.mktemp("weights") / "base.safetensors"
    model = build_lite(2, SMALL)
    save_checkpoint(model, path, architecture="lite", labels={"object": 1}, image_size=SMALL)
    return path
