"""The parameter `library`: every node finds its work, and the others' work, in one folder."""

from __future__ import annotations

from pathlib import Path

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.nodes.parameters import ParameterSpec


def _check_given(path: str) -> None:
    if not path.strip():
        raise AutomaskError("no folder given; name the library, as in library:=~/automask_library")


LIBRARY = ParameterSpec(
    "library",
    "~/automask_library",
    "Folder of the library of objects, views, masks and models; made when it is missing",
    check=_check_given,
)


def open_library(path: str) -> Library:
    """The library at `path` (`~` stands for the home folder), made when it is missing."""
    return Library(Path(path).expanduser().absolute(), create=True)
