"""What is raised when memory runs out, really made where that is possible, becomes one line."""

import cv2
import numpy as np
import pytest
import torch

from automask_ros.errors import AutomaskError
from automask_ros.memory import clear_memory_errors, speaks_of_memory

HUGE = 1 << 48


@pytest.mark.parametrize(
    "ask",
    [
        lambda: bytes(HUGE),
        lambda: np.zeros(HUGE, np.uint8),
        lambda: torch.empty(HUGE, dtype=torch.uint8),
        lambda: cv2.resize(np.zeros((2, 2), np.uint8), (1 << 30, 1 << 18)),
    ],
    ids=["Python", "numpy", "torch", "OpenCV"],
)
def test_memory_that_runs_out_is_one_line_with_the_remedy(ask):
    with pytest.raises(AutomaskError) as raised, clear_memory_errors():
        ask()
    line = str(raised.value)
    assert line.startswith("memory ran out; ") and "image_size" in line and "\n" not in line


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "CUDA failure 2: out of memory ; GPU=0 ; hostname=robot",
    ],
)
def test_what_a_gpu_s_libraries_say_when_its_memory_runs_out(words):
    assert speaks_of_memory(words)
    with pytest.raises(AutomaskError, match="^GPU memory ran out; "), clear_memory_errors():
        raise RuntimeError(words)


def test_other_errors_stay_what_they_are():
    with pytest.raises(ValueError, match="something else"), clear_memory_errors():
        raise ValueError("something else")
    with pytest.raises(AutomaskError, match="^bad_alloc is a fine name$"), clear_memory_errors():
        raise AutomaskError("bad_alloc is a fine name")


def test_last_words_of_native_code_are_known():
    assert speaks_of_memory("cannot allocate memory for thread-local data: ABORT")
    assert speaks_of_memory("terminate called after throwing an instance of 'std::bad_alloc'")
    assert not speaks_of_memory("Segmentation fault")
