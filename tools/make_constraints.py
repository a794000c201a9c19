"""Write constraints.txt and its companions anew: the exact version of every package.

    python3 tools/make_constraints.py python3.10 python3.11 python3.12 python3.13

pip resolves for each ROS 2 distribution with each interpreter, without installing. The wheels of
ROS go to constraints-jazzy.txt and constraints-kilted.txt, all others to constraints.txt. A package
whose version differs between the interpreters gets one line per Python version, with an environment
marker.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

from distributions import DISTRIBUTIONS, requirements

ROOT = Path(__file__).resolve().parent.parent

# Bounds that no package declares. torch and torchvision belong together; NumPy 2.2 is the last for
# Python 3.10; OpenCV 4 is what ROS installations have.
BOUNDS = ("torch==2.12.1", "torchvision==0.27.1", "numpy==2.2.6", "opencv-python<5")
ROOTS = ("pip", "setuptools", "wheel", "onnxruntime-gpu", f"{ROOT}[test]")

HEADER = "# {what}. Written by tools/make_constraints.py; do not edit.\n"


def resolve(python: str, distribution: str) -> tuple[str, dict[str, str]]:
    """Return an interpreter's version ("3.11") and the version of every package, by name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        subprocess.run([python, "-m", "venv", f"{folder}/venv"], check=True)
        pip = [f"{folder}/venv/bin/pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        pip += ["--dry-run", "--ignore-installed", "--report", str(report)]
        command = [*pip, *BOUNDS, *ROOTS, "-r", str(requirements(distribution))]
        subprocess.run(command, check=True, env=os.environ | {"ROS_DISTRO": distribution})
        resolved = json.loads(report.read_text())
    version = ".".join(resolved["environment"]["python_full_version"].split(".")[:2])
    metadata = [item["metadata"] for item in resolved["install"]]
    versions = {item["name"].lower().replace("_", "-"): item["version"] for item in metadata}
    versions.pop("automask-ros")
    return version, versions


def merge(resolved: dict[str, dict[str, str]]) -> list[str]:
    """Return the lines of a constraints file from the versions for each Python."""
    pythons_of: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for python, versions in resolved.items():
        for name, version in versions.items():
            pythons_of[name][version].append(python)
    lines = []
    for name in sorted(pythons_of):
        for version, pythons in pythons_of[name].items():
            if len(pythons_of[name]) == 1:
                lines.append(f"{name}=={version}")
                continue
            marker = " or ".join(f'python_version == "{python}"' for python in pythons)
            lines.append(f"{name}=={version}; {marker}")
    return lines


def write(path: Path, what: str, lines: list[str]) -> None:
    """Write one constraints file."""
    path.write_text(HEADER.format(what=what) + "\n".join(lines) + "\n")


def main() -> None:
    """Resolve for every distribution and every interpreter on the command line; write the files."""
    common: dict[str, dict[str, str]] = defaultdict(dict)
    for distribution in DISTRIBUTIONS:
        of_ros: dict[str, dict[str, str]] = {}
        for interpreter in sys.argv[1:] or [sys.executable]:
            python, versions = resolve(interpreter, distribution)
            of_ros[python] = {n: v for n, v in versions.items() if n.startswith("ros-")}
            common[python] |= {n: v for n, v in versions.items() if n not in of_ros[python]}
        what = f"The wheels of ROS 2 {distribution.title()}"
        write(ROOT / f"constraints-{distribution}.txt", what, merge(of_ros))
    write(ROOT / "constraints.txt", "The exact version of all that is not ROS", merge(common))


if __name__ == "__main__":
    main()
