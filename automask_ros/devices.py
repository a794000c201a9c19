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
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if number >= count:
        found = f"only {count} GPU(s)" if count else "no GPU"
        raise AutomaskError(f"{device} was asked for, but torch finds {found}: give cpu or auto")
    return device


def gpu_number(device: str) -> int:
    """Which GPU 'cuda' or 'cuda:N' is, from 0; AutomaskError for any other name."""
    named = _GPU.fullmatch(device)
    if named is None:
        raise AutomaskError(f"no device is called {device!r}: give auto, cpu, cuda or cuda:N")
    return int(named[1] or 0)
