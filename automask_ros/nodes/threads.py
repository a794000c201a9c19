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

    They wait for each other asleep: by default they spin, which takes the cores from the other
    nodes of a small machine (masks took twelve times as long beside a training).
    To be called before the first import of torch: that is why nodes import the networks late.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if count > 0:
        os.environ["OMP_NUM_THREADS"] = str(count)
