"""ImageNet's VGG16 as torchvision publishes it, put into the fully convolutional network."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlparse

import torch
from safetensors.torch import load_file
from torch import Tensor
from torchvision.models import VGG16_Weights

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.segmentation.vgg_backbone import CONVOLUTIONS, FC6_SIZE, VggBackbone, VggLayout

State = dict[str, Tensor]


def imagenet_vgg16(path: Path | None = None) -> State:
    """VGG16's tensors under torchvision's names.

    From torchvision's cache, or else its download (checked by its hash), or from `path`: a
    .safetensors file, or a .pth of torchvision, of which only tensors are read. AutomaskError when
    they cannot be had, with the place where they belong.
    """
    weights = VGG16_Weights.IMAGENET1K_V1
    if path is None:
        cached = Path(torch.hub.get_dir()) / "checkpoints" / Path(urlparse(weights.url).path).name
        try:
            return dict(weights.get_state_dict(progress=False, check_hash=True, weights_only=True))
        except Exception as error:  # the network, a disk, a damaged file: all end the same way
            raise AutomaskError(
                f"no ImageNet weights for VGG16 ({one_line(error)}); connect to the network once, "
                f"or put {weights.url} at {cached}, or name the file with --weights"
            ) from error
    if not path.is_file():
        raise AutomaskError(f"--weights {path} does not exist: give {weights.url} or leave it out")
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return dict(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # whatever a file may hold
        raise AutomaskError(
            f"--weights {path} cannot be read ({one_line(error)}): give {weights.url}"
        ) from error


def layout_of(state: State) -> VggLayout:
    """How wide the VGG16 is that `state` holds. AutomaskError when it holds none."""
    try:
        widths = []
        layer = 0
        for convolutions in CONVOLUTIONS:
            widths.append(state[f"features.{layer}.weight"].shape[0])
            layer += 2 * convolutions + 1
        return VggLayout(tuple(widths), state["classifier.0.weight"].shape[0])
    except KeyError as error:
        raise AutomaskError(
            f"these are no weights of VGG16 ({error.args[0]} is missing): give torchvision's vgg16"
        ) from error


def transplant(state: State, backbone: VggBackbone) -> None:
    """Copies VGG16's layers into `backbone`, its first two fully connected ones as convolutions.

    A fully connected layer reads the (C, 7, 7) map row by row, so its matrix only has to be
    reshaped. AutomaskError when shapes do not fit.
    """
    own = {name: value for name, value in state.items() if name.startswith("features.")}
    for source, target in (("classifier.0", "fc6"), ("classifier.3", "fc7")):
        matrix = state[f"{source}.weight"]
        size = FC6_SIZE if target == "fc6" else 1
        if matrix.shape[1] % size**2:
            raise AutomaskError(f"{source} of these weights does not read a {size}x{size} map")
        own[f"{target}.weight"] = matrix.reshape(matrix.shape[0], -1, size, size)
        own[f"{target}.bias"] = state[f"{source}.bias"]
    try:
        backbone.load_state_dict(own)
    except RuntimeError as error:
        raise AutomaskError(
            f"these are no weights of VGG16 ({one_line(error)}): give torchvision's vgg16"
        ) from error
