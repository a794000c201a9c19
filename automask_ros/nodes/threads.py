"""How many CPU threads the networks of a process may take."""

from __future__ import annotations

import os

from automask_ros.nodes.parameters import ParameterSpec

THREADS = ParameterSpec(
    "threads",
    0,
    "CPU threads for the network; 0 takes one per core",
    minimum=0,
    maximum=256,
)


def limit_threads(count: int) -> None:
    """Limit OpenMP's threads, which torch reads when it is imported; 0 leaves them alone.

    To be called before the first import of torch: that is why nodes import the networks late.
    """
    if count > 0:
        os.environ["OMP_NUM_THREADS"] = str(count)
