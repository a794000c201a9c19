"""Batches made beside training, so that the network never waits for a picture."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import torch

from automask_ros.detection.composites import CompositeDataset, Target, to_target

Picture = tuple[torch.Tensor, Target]
Batch = tuple[list[torch.Tensor], list[Target]]
_AHEAD = 12  # pictures ready before they are asked for


@contextmanager
def pictures(dataset: CompositeDataset) -> Iterator[Iterator[Picture]]:
    """The endless pictures of `dataset` in order of their number, made in a thread.

    Their content depends on seed and number alone, never on timing. The thread ends with the
    context; an error in it is raised where the picture is taken.
    """
    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="composites")

    def take() -> Iterator[Picture]:
        waiting: deque[Future[Picture]] = deque()
        for number in count():
            waiting.append(pool.submit(lambda index: to_target(dataset[index]), number))
            if len(waiting) > _AHEAD:
                yield waiting.popleft().result()

    try:
        yield take()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def next_batch(source: Iterator[Picture], size: int) -> Batch:
    """The next `size` pictures: images and targets as torchvision's Mask R-CNN takes them."""
    pairs = [next(source) for _ in range(size)]
    return [image for image, _ in pairs], [target for _, target in pairs]
