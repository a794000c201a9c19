"""Every dependency of package.xml resolves, and together they bring all that setup.py requires.

`rosdep_keys.json` holds what each key resolved to on the day it names; tools/make_rosdep_keys.py
writes it anew from a checkout of https://github.com/ros/rosdistro.
"""

import json
import re
import xml.etree.ElementTree as ElementTree
from importlib.metadata import distribution
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MANIFEST = ROOT / "package.xml"
KEYS = json.loads((ROOT / "test" / "rosdep_keys.json").read_text())["keys"]
DEPENDENCIES = sorted(
    {entry.text for entry in ElementTree.parse(MANIFEST).getroot() if entry.tag.endswith("depend")}
)

#: What pip and apt call differently.
APT_NAMES = {"opencv-python": "opencv", "catkin-pkg": "catkin-pkg-modules", "pyyaml": "yaml"}


def requirements() -> set[str]:
    """Return the names of all that setup.py requires, its extras included."""
    lines = distribution("automask_ros").requires or []
    names = {re.split(r"[^A-Za-z0-9_.-]", line)[0].lower() for line in lines}
    return {name.replace("_", "-").removesuffix("-gpu") for name in names}


def brought_by_rosdep() -> set[str]:
    """Return what the keys of package.xml install, by pip's names."""
    found = [KEYS[key] for key in DEPENDENCIES]
    apt = {name.removeprefix("python3-") for entry in found for name in entry.get("apt", [])}
    pip = {name for entry in found for name in entry.get("pip", [])}
    return pip | {name for name in requirements() if APT_NAMES.get(name, name) in apt}


def left_to_pip() -> set[str]:
    """Return the names in package.xml's list of what has no key."""
    listed = re.search(r"pip has to bring them: (.*?)\.\s*-->", MANIFEST.read_text(), re.DOTALL)
    assert listed is not None
    return set(re.findall(r"[a-z.]+", re.sub(r"\([^)]*\)", "", listed[1])))


@pytest.mark.parametrize("key", DEPENDENCIES)
def test_key_resolves_for_both_distributions(key: str) -> None:
    assert key in KEYS, f"{key} is no rosdep key, or newer than rosdep_keys.json"
    by_rosdep = KEYS[key].get("apt") or KEYS[key].get("pip")
    assert by_rosdep or set(KEYS[key]) == {"jazzy", "kilted"}


def test_no_key_is_kept_that_package_xml_has_not() -> None:
    assert set(KEYS) == set(DEPENDENCIES)


def test_keys_and_the_list_left_to_pip_bring_all_requirements() -> None:
    assert brought_by_rosdep() | left_to_pip() == requirements()
    assert brought_by_rosdep() & left_to_pip() == set(), "these have a key after all"
