"""Write test/rosdep_keys.json anew: what the keys of package.xml resolve to.

    git clone --depth 1 https://github.com/ros/rosdistro
    .venv/bin/python tools/make_rosdep_keys.py rosdistro

A key that resolves to nothing is left out; test/test_rosdep_keys.py then names it.
"""

import json
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any

import yaml
from distributions import DISTRIBUTIONS, ROOT

SYSTEM, RELEASE = "ubuntu", "noble"


def dependencies() -> list[str]:
    """Return every key that package.xml names, each once."""
    manifest = ElementTree.parse(ROOT / "package.xml").getroot()
    return sorted({entry.text or "" for entry in manifest if entry.tag.endswith("depend")})


def released(rosdistro: Path, distribution: str) -> dict[str, str]:
    """Return the version of every package that the distribution has released."""
    found = yaml.safe_load((rosdistro / distribution / "distribution.yaml").read_text())
    versions = {}
    for name, repository in found["repositories"].items():
        release = repository.get("release", {})
        if "version" in release:
            version = release["version"].split("-")[0]
            versions |= dict.fromkeys(release.get("packages", [name]), version)
    return versions


def rule(entry: dict[str, Any]) -> Any:
    """Return what a key's entry says of the system and its release: names for apt, or a dict."""
    found = entry.get(SYSTEM, entry.get("*"))
    if isinstance(found, dict) and "pip" not in found:
        found = found.get(RELEASE, found.get("*"))
    return found


def resolve(key: str, entries: dict[str, Any]) -> dict[str, list[str]] | None:
    """Return {"apt": names} or {"pip": names}, or None where rosdep has nothing for the system."""
    found = rule(entries.get(key, {}))
    if isinstance(found, dict):
        packages = found["pip"]
        return {"pip": packages["packages"] if isinstance(packages, dict) else packages}
    return {"apt": found} if found else None


def main() -> None:
    """Read a checkout of rosdistro, named on the command line, and write the file."""
    rosdistro = Path(sys.argv[1])
    entries = {}
    for name in ("base", "python"):
        entries |= yaml.safe_load((rosdistro / "rosdep" / f"{name}.yaml").read_text())
    command = ["git", "-C", str(rosdistro), "log", "-1", "--format=%H %cs"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    commit, date = done.stdout.split()
    ros = {distribution: released(rosdistro, distribution) for distribution in DISTRIBUTIONS}
    keys: dict[str, Any] = {}
    for key in dependencies():
        versions = {name: versions[key] for name, versions in ros.items() if key in versions}
        if found := resolve(key, entries) or versions:
            keys[key] = found
    facts = {
        "source": f"https://github.com/ros/rosdistro/tree/{commit}",
        "date": date,
        "system": f"{SYSTEM} {RELEASE}",
        "keys": keys,
    }
    (ROOT / "test" / "rosdep_keys.json").write_text(json.dumps(facts, indent=2) + "\n")


if __name__ == "__main__":
    main()
