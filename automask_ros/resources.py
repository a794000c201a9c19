"""Where the files that ship with the package lie: weights, sample, configuration, launch files."""

import os
import sys
from pathlib import Path

from automask_ros.errors import AutomaskError

_PACKAGE = "automask_ros"


def share_directory() -> Path:
    """Return the folder that holds `weights/`, `sample/`, `config/` and `launch/`.

    In a source checkout (also one installed with `pip install -e` or `--symlink-install`) that is
    the checkout itself, so that an edited file counts at once. Otherwise it is
    `share/automask_ros` of the first ament prefix that has it, then of the Python environment.
    """
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "package.xml").is_file():
        return checkout
    prefixes = [p for p in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    for prefix in (*prefixes, sys.prefix):
        share = Path(prefix) / "share" / _PACKAGE
        if (share / "package.xml").is_file():
            return share
    raise AutomaskError(
        "the files that ship with automask_ros were not found; "
        "install it with pip or colcon, and source the workspace"
    )


def weights_path(name: str) -> Path:
    """Return the path of an embedded weights file, such as `lite_fcn.safetensors`."""
    return _existing(share_directory() / "weights" / name, "weights")


def sample_directory() -> Path:
    """Return the folder of the sample recordings and their ground truth."""
    return _existing(share_directory() / "sample", "sample recording")


def _existing(path: Path, what: str) -> Path:
    if not path.exists():
        raise AutomaskError(f"the {what} {path} is missing; reinstall automask_ros")
    return path
