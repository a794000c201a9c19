"""A library that is made for what is about to come into it, and goes when nothing came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from automask_ros.library.library import Library


@contextmanager
def made_library(root: Path) -> Iterator[Library]:
    """The library in folder ``root``, made when it is missing.

    When the block fails before anything came into one that was made, it is gone again, with the
    folders that were made for it.
    """
    is_new = not (root / "objects").exists()
    made = [folder for folder in (root, *root.parents) if not folder.exists()]
    library = Library(root, create=True)
    try:
        yield library
    except BaseException:
        if is_new:
            _take_back(root, made)
        raise


def _take_back(root: Path, made: list[Path]) -> None:
    # A folder that is not empty refuses to go: what came in after all stays, and all around it.
    with suppress(OSError):
        (root / "objects").rmdir()
        (root / "library.json").unlink()
        for folder in made:
            folder.rmdir()
