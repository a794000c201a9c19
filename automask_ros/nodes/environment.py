"""The environment that a node's process needs: where ROS 2 lies, and the DDS profile.

Imports nothing of ROS, so that the command line can use it to start nodes and to describe them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from pathlib import Path

from automask_ros.errors import AutomaskError
from automask_ros.resources import share_directory

#: Fast DDS 3 reads the first, Fast DDS 2 (Humble, Jazzy) the second.
PROFILE_VARIABLES = ("FASTDDS_DEFAULT_PROFILES_FILE", "FASTRTPS_DEFAULT_PROFILES_FILE")


def ros_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return `base` (default: this process's environment) with all that a node's process needs.

    A Python environment that holds ROS packages is added to `AMENT_PREFIX_PATH`, before what is
    sourced. The shared-memory profile for large images is set, unless the user has chosen one, by
    the names that `profile_variables` gives.
    """
    environment = dict(os.environ if base is None else base)
    prefixes = [p for p in environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if p]
    if Path(sys.prefix, "share", "ament_index").is_dir() and sys.prefix not in prefixes:
        prefixes.insert(0, sys.prefix)
    if prefixes:
        environment["AMENT_PREFIX_PATH"] = os.pathsep.join(prefixes)
    profile = dds_profile(environment) or share_directory() / "config" / "fastdds.xml"
    for variable in profile_variables(environment):
        environment.setdefault(variable, str(profile))
    return environment


def profile_variables(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names by which the Fast DDS at hand is given its profile.

    Version 3 warns in each process where the old name is set; version 2 reads the old one alone.
    """
    prefixes = [sys.prefix, *environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)]
    is_version_3 = any(Path(p, "share", "fastdds").is_dir() for p in prefixes if p)
    return PROFILE_VARIABLES[:1] if is_version_3 else PROFILE_VARIABLES


def dds_profile(environment: Mapping[str, str]) -> Path | None:
    """Return the Fast DDS profile that `environment` names, or None."""
    for variable in PROFILE_VARIABLES:
        if environment.get(variable):
            return Path(environment[variable])
    return None


def segment_size(profile: Path) -> int:
    """Return the size in bytes of the profile's shared-memory segment; 0 when it sets none.

    Raises AutomaskError when the file is missing or is not XML.
    """
    try:
        root = ElementTree.parse(profile).getroot()
    except (OSError, ElementTree.ParseError) as error:
        raise AutomaskError(f"the DDS profile {profile} cannot be read: {error}") from error
    sizes = [element for element in root.iter() if element.tag.rpartition("}")[2] == "segment_size"]
    return max((int(element.text or 0) for element in sizes), default=0)


def probe(code: str) -> str:
    """Return what `code` prints, run by this Python in a process of its own, with ROS at hand.

    So the command line can ask ROS something without importing it. Raises AutomaskError with the
    last line of the process's complaint when the code fails, and when it crashes or takes over a
    minute.
    """
    command = [sys.executable, "-c", code]
    try:
        done = subprocess.run(
            command, env=ros_environment(), capture_output=True, text=True, timeout=60
        )
    except subprocess.TimeoutExpired as error:
        raise AutomaskError("no answer within a minute") from error
    if done.returncode < 0:
        raise AutomaskError(f"it crashed ({signal.strsignal(-done.returncode)})")
    if done.returncode != 0:
        raise AutomaskError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    return done.stdout.strip()
