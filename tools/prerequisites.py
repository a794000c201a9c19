"""What a machine must have before the virtual environment can be made, and how to get it."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import NamedTuple

SUPPORTED = ((3, 10), (3, 13))
DISK_GB = 8


class Missing(NamedTuple):
    """Something that is not there, with the Debian packages that bring it."""

    what: str
    packages: tuple[str, ...] = ()


def missing_prerequisites(root: Path, *, builds_interfaces: bool) -> list[Missing]:
    """Return what is missing to make an environment below `root`; empty when all is there."""
    checks = [_python(), _venv(), _libraries(), _disk(root)]
    if builds_interfaces:
        checks += [_compiler(), _make(), _headers()]
    return [missing for missing in checks if missing]


def describe(missing: list[Missing]) -> str:
    """Return one line that names everything missing and the remedy."""
    line = "missing: " + ", ".join(item.what for item in missing)
    packages = [package for item in missing for package in item.packages]
    return f"{line}; remedy: sudo apt install {' '.join(packages)}" if packages else line


def _python() -> Missing | None:
    lowest, highest = SUPPORTED
    if lowest <= sys.version_info[:2] <= highest:
        return None
    wanted = f"Python {lowest[0]}.{lowest[1]} to {highest[0]}.{highest[1]}"
    return Missing(f"{wanted} (this is {sys.version.split()[0]}; make PYTHON=/path/to/python3.12)")


def _venv() -> Missing | None:
    if importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"):
        return None
    return Missing("Python's venv module", (f"python3.{sys.version_info[1]}-venv",))


def _headers() -> Missing | None:
    if Path(sysconfig.get_path("include"), "Python.h").is_file():
        return None
    return Missing("Python's C headers", (f"python3.{sys.version_info[1]}-dev",))


def _compiler() -> Missing | None:
    candidates = filter(None, (os.environ.get("CXX"), "c++", "g++", "clang++"))
    return None if any(map(shutil.which, candidates)) else Missing("a C++ compiler", ("g++",))


def _make() -> Missing | None:
    return None if shutil.which("make") else Missing("make", ("make",))


def _libraries() -> Missing | None:
    """OpenCV's wheel loads these two from the system, display or not."""
    absent: dict[str, str] = {}
    for library, package in (("libGL.so.1", "libgl1"), ("libgthread-2.0.so.0", "libglib2.0-0")):
        try:
            ctypes.CDLL(library)
        except OSError:
            absent[library] = package
    return Missing(" and ".join(absent), tuple(absent.values())) if absent else None


def _disk(root: Path) -> Missing | None:
    free = shutil.disk_usage(root).free / 1e9
    return None if free >= DISK_GB else Missing(f"disk space ({free:.1f} of {DISK_GB} GB free)")


if __name__ == "__main__":
    found = missing_prerequisites(Path.cwd(), builds_interfaces=True)
    sys.exit(f"automask: {describe(found)}" if found else 0)
