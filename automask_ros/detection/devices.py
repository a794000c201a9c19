"""Where networks run, by the names that users give."""

from __future__ import annotations

import re

import torch

from automask_ros.errors import AutomaskError

_GPU = re.compile(r"cuda(?::(0|[1-9][0-9]{0,2}))?")


def pick_device(device: str) -> str:
    """'auto' -> 'cuda' where torch sees a GPU, else 'cpu'; AutomaskError for an absent device."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        return device
    number = gpu_number(device)
    if not torch.cuda.is_available():
        raise AutomaskError(f"device {device}: torch sees no GPU here; use device cpu or auto")
    count = torch.cuda.device_count()
    if number >= count:
        raise AutomaskError(f"device {device}: torch sees none beyond cuda:{count - 1}")
    return device


def gpu_number(device: str) -> int:
    """Which GPU 'cuda' or 'cuda:N' is, from 0; AutomaskError for any other name."""
    named = _GPU.fullmatch(device)
    if named is None:
        raise AutomaskError(f"unknown device {device!r}; use auto, cpu, cuda or cuda:N")
    return int(named[1] or 0)
