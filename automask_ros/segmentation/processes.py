"""One training on one process, or on several that torchrun has started, one for each GPU."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from automask_ros.devices import pick_device
from automask_ros.errors import AutomaskError


@dataclass(frozen=True)
class Processes:
    """This process among those that train together; `rank` 0 is the one that writes and speaks.

    `half` is the 16-bit type in which its device computes, None for 32 bits throughout.
    """

    rank: int
    count: int
    device: torch.device
    half: torch.dtype | None = None

    @property
    def first(self) -> bool:
        """True in exactly one of the processes."""
        return self.rank == 0

    def total(self, values: Tensor) -> Tensor:
        """The sum of `values` over all processes, in each of them."""
        if self.count > 1:
            distributed.all_reduce(values)
        return values

    def wrap(self, network: nn.Module) -> nn.Module:
        """`network` with gradients that are averaged over the processes."""
        if self.count == 1:
            return network
        return DistributedDataParallel(network, gradient_as_bucket_view=True)

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """The block runs in the first process, and only then in the others."""
        if not self.first:
            distributed.barrier()
        yield
        if self.first and self.count > 1:
            distributed.barrier()


@contextmanager
def joined(device: str) -> Iterator[Processes]:
    """This process, joined with the others where torchrun started it; parts from them at the end.

    `device` is "auto", "cpu", "cuda" or "cuda:N"; each process takes a GPU of its own.
    AutomaskError when there is no such device, or there are fewer GPUs than processes.
    """
    count, rank = int(os.environ.get("WORLD_SIZE", "1")), int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    chosen = choose_device(device, local if count > 1 else None)
    if count == 1:
        yield Processes(0, 1, chosen, half_precision(chosen))
        return
    if chosen.type == "cuda":
        torch.cuda.set_device(chosen)
        distributed.init_process_group("nccl", device_id=chosen)
    else:
        distributed.init_process_group("gloo")
    try:
        yield Processes(rank, count, chosen, half_precision(chosen))
    finally:
        distributed.destroy_process_group()


@contextmanager
def enough_memory() -> Iterator[None]:
    """Turns a GPU's lack of memory inside the block into an AutomaskError."""
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise AutomaskError(
            "GPU memory does not hold the batch: lower --batch-size or --size, or share it among "
            "more GPUs"
        ) from error


def choose_device(device: str, local_rank: int | None = None) -> torch.device:
    """The device called `device`; with a `local_rank`, the GPU of that process.

    AutomaskError when there is none.
    """
    chosen = torch.device(pick_device(device))
    if chosen.type != "cuda":
        return chosen
    index = (chosen.index or 0) if local_rank is None else local_rank
    if index >= (gpus := torch.cuda.device_count()):
        raise AutomaskError(
            f"torch finds only {gpus} GPU(s), but {index + 1} are asked for: give --device cpu, "
            "or torchrun a smaller --nproc_per_node"
        )
    return torch.device("cuda", index)


def half_precision(device: torch.device) -> torch.dtype | None:
    """The 16-bit type that a GPU multiplies in faster than in 32 bits; None on the CPU."""
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def available_cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0))
