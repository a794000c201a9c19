"""Pictures made beside training, so that the network never waits for one."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

import torch

from automask_ros.detection.composites import CompositeDataset, Target, to_target

Picture = tuple[torch.Tensor, Target]
Batch = tuple[list[torch.Tensor], list[Target]]
Made = TypeVar("Made")
_AHEAD = 12  # pictures ready before they are asked for


@contextmanager
def made_ahead(
    make: Callable[[int], Made], numbers: Iterable[int], threads: int = 1
) -> Iterator[Iterator[Made]]:
    """`make` of each of `numbers`, in their order, in `threads` of its own.

    They end with the context; an error in one is raised where what it made is taken.
    """
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="composites")

    def take() -> Iterator[Made]:
        waiting: deque[Future[Made]] = deque()
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    try:
        yield take()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def pictures(dataset: CompositeDataset, threads: int = 1) -> Iterator[Iterator[Picture]]:
    """The endless pictures of `dataset` in order of their number, made in `threads`.

    Their content depends on seed and number alone, never on timing.
    """
    with made_ahead(lambda number: to_target(dataset[number]), count(), threads) as made:
        yield made


def next_batch(source: Iterator[Picture], size: int) -> Batch:
    """The next `size` pictures: images and targets as torchvision's Mask R-CNN takes them."""
    pairs = [next(source) for _ in range(size)]
    return [image for image, _ in pairs], [target for _, target in pairs]
