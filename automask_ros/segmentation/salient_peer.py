"""The peer that masks are compared with: U2-Net, a salient-object network, with its largest blob.

Qin et al., "U2-Net: Going deeper with nested U-structure for salient object detection" (Pattern
Recognition, 2020), as its authors run it: 320 x 320 pixels, brightness scaled by the image's own
maximum, ImageNet's mean and deviation, the first output stretched to 0..1.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import cv2
import numpy as np
import onnxruntime
import torch

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.graph_file import check_graph
from automask_ros.types import BGRImage, BoolMask

_SIDE: Final = 320
_MEAN: Final = np.array([0.485, 0.456, 0.406], np.float32)
_STD: Final = np.array([0.229, 0.224, 0.225], np.float32)
_THRESHOLD: Final = 0.5


class SalientPeer:
    """Masks by U2-Net or U2-Net-p from an ONNX file, on the CPU, with torch's number of threads."""

    def __init__(self, path: Path) -> None:
        """Raises AutomaskError when the file is missing or no such network."""
        if not path.is_file():
            raise AutomaskError(f"there is no peer at {path}: give the path of U2-Net's ONNX file")
        check_graph(path, alone=False)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = torch.get_num_threads()
        # Threads that wait awake slow down everything else that is measured beside them.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:  # ONNX Runtime's own classes share no other base.
            raise AutomaskError(
                f"the peer {path} does not load in ONNX Runtime: {one_line(error)}"
            ) from error
        shapes = [list(each.shape) for each in session.get_inputs()]
        if len(shapes) != 1 or shapes[0][1:] != [3, _SIDE, _SIDE]:
            raise AutomaskError(
                f"the peer {path} takes {shapes}, but U2-Net takes one image [1, 3, {_SIDE}, "
                f"{_SIDE}]: give its ONNX file"
            )
        self.name = path.stem
        self._session, self._input = session, session.get_inputs()[0].name

    def __call__(self, image: BGRImage) -> BoolMask:
        """The most salient object in an image (H, W, 3) uint8 BGR, (H, W) bool."""
        height, width = image.shape[:2]
        smaller = max(height, width) > _SIDE
        interpolation = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        resized = cv2.resize(image, (_SIDE, _SIDE), interpolation=interpolation)
        rgb = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB).astype(np.float32)
        normalised = (rgb / max(1.0, float(rgb.max())) - _MEAN) / _STD
        batch = np.ascontiguousarray(normalised.transpose(2, 0, 1))[None]
        saliency = self._session.run(None, {self._input: batch})[0].reshape(_SIDE, _SIDE)
        span = float(np.ptp(saliency))
        stretched = (saliency - saliency.min()) / (span or 1.0)
        full = cv2.resize(stretched, (width, height), interpolation=cv2.INTER_LINEAR)
        return _largest_blob(full >= _THRESHOLD)


def _largest_blob(pixels: BoolMask) -> BoolMask:
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(pixels.astype(np.uint8))
    if count < 2:
        return pixels
    blob: BoolMask = labels == 1 + int(statistics[1:, cv2.CC_STAT_AREA].argmax())
    return blob
