"""Curves of a training, for TensorBoard."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import TracebackType
from typing import Any


class Curves:
    """Event files in a folder, one value per name and step; none where TensorBoard is missing, or
    there is no folder. Use it as a context manager."""

    def __init__(self, folder: Path | None, from_step: int = 0) -> None:
        """What an earlier, killed run wrote for later steps than `from_step` is taken back."""
        self._writer: Any = None
        if folder is not None and tensorboard_is_there():
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(folder), purge_step=from_step + 1)

    def __enter__(self) -> Curves:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, step: int, values: dict[str, float]) -> None:
        """One point for each curve in `values`."""
        if self._writer is not None:
            for name, value in values.items():
                self._writer.add_scalar(name, value, step)


def tensorboard_is_there() -> bool:
    """False when the package tensorboard is not installed."""
    return importlib.util.find_spec("tensorboard") is not None
