"""Which provider runs a graph: the first that works, and why not those before it."""

import logging
import os
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from automask_ros.detection import onnx_session
from automask_ros.detection.onnx_session import (
    CPU,
    CUDA,
    TENSORRT,
    InvalidGraph,
    session,
    start_session,
)
from automask_ros.errors import AutomaskError
from automask_ros.low_priority import NICENESS, lower_priority


@pytest.fixture(scope="module")
def graph():
    """y = x + x."""
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["n"]) for n in "xy")
    made = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "double", [x], [y])
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=8).SerializeToString()


def test_the_cpu_runs_it(graph):
    session, name = start_session(graph, "cpu", 1)
    assert name == "CPU" and session.get_providers() == [CPU]
    (found,) = session.run(None, {"x": np.ones(2, np.float32)})
    assert found.tolist() == [2, 2]


@pytest.mark.skipif(sys.platform != "linux", reason="threads have no priority of their own here")
def test_gently_started_it_is_laid_out_at_low_priority_and_runs_at_the_usual_one(
    graph, monkeypatch
):
    usual = priority()
    before = priorities()

    laid_out_by = {}

    def lower():
        lower_priority()
        laid_out_by[str(threading.get_native_id())] = priority()

    monkeypatch.setattr(onnx_session, "lower_priority", lower)
    made = session(graph, [CPU], 3, gently=True)
    # The thread that laid it out may end a moment later.
    others = {**before, **laid_out_by}
    workers = [each for thread, each in priorities().items() if thread not in others]
    assert workers == [usual] * 2, "and the thread that calls is the third"
    assert list(laid_out_by.values()) == [min(usual + NICENESS, 19)]
    assert priority() == usual
    assert made.run(None, {"x": np.ones(2, np.float32)})[0].tolist() == [2, 2]
    started, name = start_session(graph, "cpu", 1, gently=True)
    assert name == "CPU"
    assert started.run(None, {"x": np.ones(2, np.float32)})[0].tolist() == [2, 2]


def priority():
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def priorities():
    """The priority of each of this process's threads."""
    found = {}
    for task in Path("/proc/self/task").iterdir():
        with suppress(ProcessLookupError):  # it ended meanwhile
            found[task.name] = os.getpriority(os.PRIO_PROCESS, int(task.name))
    return found


def test_no_graph(tmp_path):
    path = tmp_path / "torn.onnx"
    path.write_bytes(b"torn")
    for gently in (False, True):
        with pytest.raises(InvalidGraph):
            start_session(path, "cpu", None, gently=gently)


@pytest.mark.skipif(CUDA in onnxruntime.get_available_providers(), reason="a GPU is here")
def test_a_gpu_that_is_not_there_is_said_with_the_remedy(graph):
    with pytest.raises(AutomaskError) as caught:
        start_session(graph, "cuda", None)
    assert f"{TENSORRT} is not in this ONNX Runtime (install TensorRT" in str(caught.value)
    assert f"{CUDA} is not in this ONNX Runtime (install onnxruntime-gpu" in str(caught.value)
    assert str(caught.value).endswith("or use runtime torch")


def test_a_device_of_another_name(graph):
    with pytest.raises(AutomaskError, match="no device is called 'cuda:x'"):
        start_session(graph, "cuda:x", None)


@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize(
    ("starting", "used", "said"),
    [
        ((TENSORRT, CUDA), "Tensorrt", []),
        ((CUDA,), "CUDA", [f"CUDA runs the network: {TENSORRT} does not start (install TensorRT"]),
    ],
)
def test_the_first_provider_that_starts(
    graph, monkeypatch, caplog, tmp_path, starting, used, said, writable
):
    """What a machine with a GPU does, told by which providers its ONNX Runtime would start."""
    wanted = []
    engines = tmp_path / "engines" if writable else Path("/proc/nobody/engines")
    monkeypatch.setattr(onnx_session, "_ENGINES", engines)

    class Session:
        def __init__(self, _, options, providers):
            names = [each if isinstance(each, str) else each[0] for each in providers]
            wanted.append(providers[0])
            self._running = [name for name in names if name in (*starting, CPU)]

        def get_providers(self):
            return self._running

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    with caplog.at_level(logging.WARNING):
        _, name = start_session(graph, "cuda:1", None)
    assert name == used
    assert wanted[-1][1]["device_id"] == 1
    kept = wanted[0][1].get("trt_engine_cache_path")
    assert kept == (str(engines) if writable else None)
    assert not writable or engines.is_dir()
    if not writable:
        said = ["TensorRT builds its engine anew at each start: ", *said]
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == len(said)
    assert all(message.startswith(each) for message, each in zip(messages, said, strict=True))
