"""Work in a process of its own that is killed at a chosen step."""

import multiprocessing
import os
from collections.abc import Callable
from itertools import count


def dies_at_rename(step: int, work: Callable[[], object]) -> bool:
    """Do `work` in a process that dies without a word at its `step`-th rename; whether it did."""

    def run() -> None:
        renames = count()
        really = os.replace

        def counted(*arguments):
            if next(renames) == step:
                os._exit(9)
            really(*arguments)

        os.replace = os.rename = counted
        work()
        os._exit(0)

    process = multiprocessing.get_context("fork").Process(target=run)
    process.start()
    process.join(120)
    assert process.exitcode in (0, 9), "the work failed, or never ended"
    return process.exitcode == 9
