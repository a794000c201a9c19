"""Memory that runs out, on a GPU or on the machine, in words."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from automask_ros.errors import AutomaskError

_GPU = "GPU memory ran out; end what else uses the GPU, lower image_size, or use device cpu"
REMEDY = (
    "end what else needs memory, lower image_size, batch_size or threads, use base_model lite, or "
    "add memory"
)
_GPU_WORDS = (
    "CUDA out of memory",  # torch
    "CUDA error: out of memory",
    "STATUS_ALLOC_FAILED",  # cuBLAS, cuDNN
    "CUDA failure 2: out of memory",  # ONNX Runtime
)
# Native allocators have no exception of their own in Python.
_WORDS = (
    "can't allocate memory",  # torch
    "could not create a primitive",  # oneDNN, within torch
    "could not create a memory",
    "bad_alloc",  # C++: torch, ONNX Runtime
    "bad allocation",
    "Failed to allocate memory",  # ONNX Runtime
    "Failed to allocate",  # OpenCV
    "Insufficient memory",
    "annot allocate memory",  # the system: mapping a file, starting a process or a thread
    "can't start new thread",
)


@contextmanager
def clear_memory_errors() -> Iterator[None]:
    """Turn what is raised when memory runs out into an AutomaskError with the remedy.

    What torch keeps of a GPU for later is given back: the next try, or another process, may need
    it.
    """
    try:
        yield
    except AutomaskError:
        raise
    except Exception as error:
        if _on_gpu(error):
            if torch := _torch():
                torch.cuda.empty_cache()  # nothing where torch has not used the GPU
            raise AutomaskError(_GPU) from error
        if isinstance(error, MemoryError) or speaks_of_memory(str(error)):
            raise AutomaskError(f"memory ran out; {REMEDY}") from error
        raise


def speaks_of_memory(words: str) -> bool:
    """Whether an error's words, or a process's last ones, say that memory ran out."""
    return any(each in words for each in (*_WORDS, *_GPU_WORDS))


def _on_gpu(error: Exception) -> bool:
    torch, words = _torch(), str(error)
    out_of_memory = torch is not None and isinstance(error, torch.cuda.OutOfMemoryError)
    return out_of_memory or any(each in words for each in _GPU_WORDS)


def _torch() -> Any:
    # Not imported here: that takes seconds, and whoever has not imported it used no GPU.
    return sys.modules.get("torch")
