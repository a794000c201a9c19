"""Masks redrawn by a promptable network that the user names: SAM, MobileSAM, SAM 2, in ONNX.

After Kirillov et al., "Segment Anything" (ICCV 2023) and Ravi et al., "SAM 2" (2024): an encoder
looks at the image once, a decoder turns a prompt into masks. The prompt is the automatic mask's
box and its innermost point, and what comes back counts only where it agrees with that mask: the
network knows edges, stage one knows which object is meant.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime
import torch
from numpy.typing import NDArray

from automask_ros.devices import gpu_number, pick_device
from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.graph_file import check_graph
from automask_ros.types import BGRImage, BoolMask

Refiner = Callable[[BGRImage, BoolMask], BoolMask]
"""Redraws a mask (H, W) bool of an image (H, W, 3) BGR; may give it back as it is."""

# Both families normalise RGB by ImageNet's figures, given in 0..255.
_MEAN: Final = np.array([123.675, 116.28, 103.53], np.float32)
_STD: Final = np.array([58.395, 57.12, 57.375], np.float32)
_SIDE: Final = 1024
_PROMPT: Final = frozenset({"point_coords", "point_labels", "mask_input", "has_mask_input"})
_ORIGINAL_SIZE: Final = "orig_im_size"
# The labels of a point inside the object, and of a box's two corners.
_LABELS: Final = (1.0, 2.0, 3.0)


@dataclass(frozen=True)
class RefinerConfig:
    """When a redrawn mask is believed."""

    least_agreement: float = 0.75
    """Least intersection over union of the redrawn mask with the automatic one."""


def load_refiner(
    names: str, device: str = "auto", config: RefinerConfig | None = None
) -> Refiner | None:
    """The promptable network of `names`, "ENCODER.onnx,DECODER.onnx"; None when that is empty.

    `device` is "auto", "cpu", "cuda" or "cuda:N"; without ONNX Runtime for CUDA, "auto" is the CPU.
    Raises AutomaskError when there are not two files, one does not load, or asks for what is no
    input of the SAM family.
    """
    if not names:
        return None
    paths = [Path(name.strip()) for name in names.split(",") if name.strip()]
    if len(paths) != 2:
        raise AutomaskError(
            f"the refiner is {names!r}: name two files, encoder and decoder, as in "
            "encoder.onnx,decoder.onnx"
        )
    encoder, decoder = (_open(path, device) for path in paths)
    return PromptedRefiner(encoder, decoder, config)


class PromptedRefiner:
    """Redraws masks with an encoder and a decoder of the SAM family."""

    def __init__(
        self, encoder: _Session, decoder: _Session, config: RefinerConfig | None = None
    ) -> None:
        """Raises AutomaskError when the networks' inputs and outputs are not known ones."""
        self._config = config or RefinerConfig()
        self._encoder, self._decoder = encoder, decoder
        self._features = _match_features(encoder, decoder)
        # SAM keeps the image's shape and gives masks of its size; SAM 2 makes a square of it.
        self._keeps_shape = _ORIGINAL_SIZE in decoder.inputs
        self._interleaved = _is_interleaved(encoder)

    def __call__(self, image: BGRImage, pixels: BoolMask) -> BoolMask:
        """The mask (H, W) bool of an image (H, W, 3) BGR, redrawn where both agree."""
        if not pixels.any():
            return pixels
        height, width = image.shape[:2]
        scale = (_SIDE / width, _SIDE / height)
        if self._keeps_shape:
            scale = (_SIDE / max(height, width),) * 2
        given = self._encoder.run({next(iter(self._encoder.inputs)): self._picture(image, scale)})
        feed = {name: given[output] for name, output in self._features.items()}
        logits, promises = self._decode(feed | _prompt(pixels, scale), (height, width))
        # From the most promising on, the first mask that means the same object.
        for index in np.argsort(-promises):
            redrawn = _to_size(logits[index], (height, width)) > 0.0
            if _agreement(redrawn, pixels) >= self._config.least_agreement:
                return redrawn
        return pixels

    def _picture(self, image: BGRImage, scale: tuple[float, float]) -> NDArray[np.float32]:
        """The encoder's input: (1, 3, 1024, 1024) normalised, or (h, w, 3) in 0..255, RGB."""
        height, width = image.shape[:2]
        size = (round(width * scale[0]), round(height * scale[1]))
        resized = cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)
        rgb = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB).astype(np.float32)
        if self._interleaved:
            return rgb
        square = np.zeros((_SIDE, _SIDE, 3), np.float32)
        square[: size[1], : size[0]] = (rgb - _MEAN) / _STD
        return np.ascontiguousarray(square.transpose(2, 0, 1))[None]

    def _decode(
        self, feed: dict[str, NDArray[np.float32]], shape: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Logits (M, h, w) of M masks, and (M,) the intersection over union each promises."""
        feed |= {
            "mask_input": np.zeros((1, 1, 256, 256), np.float32),
            "has_mask_input": np.zeros(1, np.float32),
        }
        if self._keeps_shape:
            feed[_ORIGINAL_SIZE] = np.array(shape, np.float32)
        given = self._decoder.run(feed)
        logits, promises = given["masks"][0], given["iou_predictions"].reshape(-1)
        return logits, promises[: len(logits)]


class _Session:
    """An ONNX graph with its inputs and outputs by name: name -> shape."""

    def __init__(self, path: Path, session: onnxruntime.InferenceSession) -> None:
        self.path = path
        self._session = session
        self.inputs = {each.name: tuple(each.shape) for each in session.get_inputs()}
        self.outputs = [each.name for each in session.get_outputs()]

    def run(self, feed: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name. Raises AutomaskError when the graph refuses what it is fed."""
        try:
            return dict(zip(self.outputs, self._session.run(None, feed), strict=True))
        except Exception as error:  # ONNX Runtime's own classes share no other base.
            raise AutomaskError(
                f"the refiner {self.path} fails: {one_line(error)}; give another, or none"
            ) from error


def _open(path: Path, device: str) -> _Session:
    if not path.is_file():
        raise AutomaskError(f"there is no refiner at {path}: give the path of an ONNX file")
    check_graph(path, alone=False)
    wanted: list[str | tuple[str, dict[str, int]]] = ["CPUExecutionProvider"]
    cuda_here = "CUDAExecutionProvider" in onnxruntime.get_available_providers()
    if device.startswith("cuda") and not cuda_here:
        raise AutomaskError(
            f"{device} was asked for, but ONNX Runtime has no CUDA: install onnxruntime-gpu, or "
            "give cpu or auto"
        )
    if device == "auto" and not cuda_here:
        device = "cpu"
    if (chosen := pick_device(device)) != "cpu":
        wanted.insert(0, ("CUDAExecutionProvider", {"device_id": gpu_number(chosen)}))
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=wanted)
    except Exception as error:  # as above
        raise AutomaskError(
            f"the refiner {path} does not load in ONNX Runtime: {one_line(error)}"
        ) from error
    return _Session(path, session)


def _match_features(encoder: _Session, decoder: _Session) -> dict[str, str]:
    """Decoder input -> encoder output. AutomaskError lists the inputs that nothing feeds."""
    wanted = [name for name in decoder.inputs if name not in _PROMPT | {_ORIGINAL_SIZE}]
    lacking = _PROMPT - decoder.inputs.keys()
    answers = {"masks", "iou_predictions"}
    if not lacking and answers <= set(decoder.outputs) and len(encoder.inputs) == 1:
        if wanted and set(wanted) <= set(encoder.outputs):
            return {name: name for name in wanted}
        if len(wanted) == len(encoder.outputs) == 1:
            # SAM's exporters agree on what travels, but not on what they call it.
            return {wanted[0]: encoder.outputs[0]}
    raise AutomaskError(
        f"{decoder.path} takes {', '.join(decoder.inputs)} and gives {', '.join(decoder.outputs)}, "
        f"{encoder.path} takes {', '.join(encoder.inputs)} and gives {', '.join(encoder.outputs)}: "
        "no encoder and decoder of SAM, MobileSAM or SAM 2 (was their order encoder,decoder?)"
    )


def _is_interleaved(encoder: _Session) -> bool:
    """Whether the encoder takes (h, w, 3) pixels and normalises them itself."""
    ((name, shape),) = encoder.inputs.items()
    if len(shape) == 3 and shape[2] == 3:
        return True
    sides = [side for side in shape[2:] if isinstance(side, int)]
    if len(shape) == 4 and shape[1] in (3, None) and all(side == _SIDE for side in sides):
        return False
    raise AutomaskError(
        f"{encoder.path} takes {name} of shape {list(shape)}: known are [1, 3, {_SIDE}, {_SIDE}] "
        "and [height, width, 3]"
    )


def _prompt(pixels: BoolMask, scale: tuple[float, float]) -> dict[str, NDArray[np.float32]]:
    """The innermost point of a mask and its box, in the encoder's pixels."""
    left, top, width, height = cv2.boundingRect(pixels.astype(np.uint8))
    framed = np.pad(pixels.astype(np.uint8), 1)
    depth = cv2.distanceTransform(framed, cv2.DIST_L2, cv2.DIST_MASK_5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    points = np.array(
        [[column + 0.5, row + 0.5], [left, top], [left + width, top + height]], np.float32
    )
    return {
        "point_coords": (points * np.array(scale, np.float32))[None],
        "point_labels": np.array([_LABELS], np.float32),
    }


def _to_size(logits: NDArray[np.float32], shape: tuple[int, int]) -> NDArray[np.float32]:
    """Logits (h, w) of the whole image, brought to its (height, width)."""
    if logits.shape == shape:
        return logits
    resized = cv2.resize(logits, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, np.float32)


def _agreement(first: BoolMask, second: BoolMask) -> float:
    return float(np.count_nonzero(first & second) / max(1, np.count_nonzero(first | second)))
