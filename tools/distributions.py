"""The ROS 2 distributions that the whole test suite runs with, and what their wheels are."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DISTRIBUTIONS = ("jazzy", "kilted")

# A distribution keeps the major version of its rclpy. Humble is here to be named in the answer.
_NAMED_BY_RCLPY = {3: "humble", 7: "jazzy", 9: "kilted"}


class WrongDistributionError(Exception):
    """There is no environment for what was asked for; the message says what there is."""


def requirements(distribution: str) -> Path:
    """Return the file that lists the distribution's wheels."""
    return ROOT / "tools" / f"requirements-{distribution}.txt"


def constraints(distribution: str) -> tuple[Path, Path]:
    """Return the files that pin every package of the distribution's environment."""
    return ROOT / "constraints.txt", ROOT / f"constraints-{distribution}.txt"


def check(wanted: str, environment: Mapping[str, str]) -> bool:
    """Say whether `wanted` is sourced in `environment`, where a false means: take it from PyPI.

    Raises WrongDistributionError when `wanted` is none of ours, or when another one is sourced.
    """
    if wanted not in DISTRIBUTIONS:
        raise WrongDistributionError(
            f"ROS_DISTRO={wanted} is not supported; there are: {', '.join(DISTRIBUTIONS)} "
            "(docs/distributions.md says what is known of the others)"
        )
    if not (environment.get("AMENT_PREFIX_PATH") and environment.get("ROS_DISTRO")):
        return False
    if (sourced := _sourced(environment)) != wanted:
        raise WrongDistributionError(
            f"ROS 2 {sourced} is sourced, but ROS_DISTRO is {wanted}; use a shell without ROS, or "
            f"one with {wanted} sourced"
        )
    return True


def _sourced(environment: Mapping[str, str]) -> str:
    """Return what is really sourced: ROS_DISTRO may be the wish of who called make."""
    for prefix in environment["AMENT_PREFIX_PATH"].split(os.pathsep):
        manifest = Path(prefix, "share", "rclpy", "package.xml")
        if manifest.is_file():
            version = ElementTree.parse(manifest).findtext("version") or "0"
            return _NAMED_BY_RCLPY.get(int(version.split(".")[0]), f"with rclpy {version}")
    return environment["ROS_DISTRO"]
