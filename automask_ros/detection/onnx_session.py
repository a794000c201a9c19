"""ONNX Runtime sessions: by the fastest provider that works, and why not by the others."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import onnxruntime

from automask_ros.devices import gpu_number
from automask_ros.errors import AutomaskError
from automask_ros.low_priority import in_its_own_thread, lower_priority

TENSORRT, CUDA, CPU = (f"{name}ExecutionProvider" for name in ("Tensorrt", "CUDA", "CPU"))
_REMEDIES = {
    TENSORRT: "install TensorRT beside onnxruntime-gpu",
    CUDA: "install onnxruntime-gpu and the CUDA libraries that it asks for",
}
# TensorRT builds an engine for minutes; the next start takes it from here.
_ENGINES = Path("~/.cache/automask_ros/tensorrt")

_log = logging.getLogger(__name__)


class InvalidGraph(Exception):
    """ONNX Runtime does not take a graph, on whichever provider."""


def start_session(
    graph: Path | bytes, device: str, threads: int | None, *, gently: bool = False
) -> tuple[onnxruntime.InferenceSession, str]:
    """A session on the first provider that starts on `device` ('cpu', 'cuda', 'cuda:1', ...), and
    the provider's name; a warning says why those before it do not run.

    ``gently`` where another network runs meanwhile on the CPU, which this is not to hold up.
    InvalidGraph when the graph is none; AutomaskError when a GPU is asked for and none starts, or
    the device has another name.
    """
    given = graph if isinstance(graph, bytes) else str(graph)
    if device == "cpu":
        return session(given, [CPU], threads, gently=gently), "CPU"
    number = gpu_number(device)
    faults: list[str] = []
    for provider in (TENSORRT, CUDA):
        fault = f"{provider} is not in this ONNX Runtime"
        if provider in onnxruntime.get_available_providers():
            started = session(given, _providers(provider, number), threads)
            # A provider that does not start is left out without a word.
            if started.get_providers()[0] == provider:
                if faults:
                    _log.warning("%s runs the network: %s", _short(provider), "; ".join(faults))
                return started, _short(provider)
            fault = f"{provider} does not start"
        faults.append(f"{fault} ({_REMEDIES[provider]})")
    raise AutomaskError(
        f"ONNX Runtime finds no GPU that works: {'; '.join(faults)}; or use runtime torch"
    )


def session(
    graph: str | bytes, providers: Sequence[Any], threads: int | None, *, gently: bool = False
) -> onnxruntime.InferenceSession:
    """ONNX Runtime on a graph, a path or its bytes; it keeps its warnings to itself.

    `threads` limits the CPU threads of one call; all cores when None. ``gently``, it is made by a
    thread that gives way to others; those that will run the network do not. InvalidGraph when the
    graph is none.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    # Work is cut into ever smaller blocks: a thread whose core has other work to do, as a robot's
    # always has, holds the others up for less long. A fifth less time on two cores.
    options.add_session_config_entry("session.dynamic_block_base", "4")
    # Threads that have nothing to do look for work for a while before they sleep. After the last
    # layer there is none: the core is for the other nodes.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    if threads is not None:
        options.intra_op_num_threads = threads
    make = partial(onnxruntime.InferenceSession, graph, options, providers=list(providers))
    try:
        if gently:
            return in_its_own_thread(partial(make, disabled_optimizers=_giving_way()))
        return make()
    except Exception as error:  # its errors have no common base below Exception
        raise InvalidGraph(str(error)) from error


def _giving_way() -> Iterator[str]:
    """Names no optimizer, and is asked for them at the right moment.

    ONNX Runtime makes its threads first, which have the priority of the thread that makes them,
    then asks which optimizers to leave out, and then lays out the graph: a fifth of a second of one
    core and more, in which those of another network would wait for it in each layer.
    """
    lower_priority()
    yield from ()


def _providers(provider: str, number: int) -> list[Any]:
    """`provider` on GPU `number`, and below it those that take what it cannot."""
    settings: dict[str, Any] = {"device_id": number}
    below: list[Any] = [CPU]
    if provider == TENSORRT:
        below.insert(0, (CUDA, dict(settings)))
        settings |= _engine_cache()
    return [(provider, settings), *below]


def _engine_cache() -> dict[str, Any]:
    try:
        folder = _ENGINES.expanduser()
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, RuntimeError) as error:  # no home, or none that may be written
        _log.warning("TensorRT builds its engine anew at each start: %s", error)
        return {}
    return {"trt_engine_cache_enable": True, "trt_engine_cache_path": str(folder)}


def _short(provider: str) -> str:
    return provider.removesuffix("ExecutionProvider")
