"""GPU memory that runs out, in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from automask_ros.errors import AutomaskError


@contextmanager
def clear_memory_errors() -> Iterator[None]:
    """Turn what torch raises when GPU memory runs out into an AutomaskError with the remedy.

    What torch keeps for later is given back: the next try, or another process, may need it.
    """
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise AutomaskError(
            "GPU memory ran out; end what else uses the GPU, lower image_size, or use device cpu"
        ) from error
