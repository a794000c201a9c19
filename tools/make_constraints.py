"""Write constraints.txt anew: the exact version of every package, for each Python that we support.

    python3 tools/make_constraints.py python3.10 python3.11 python3.12 python3.13

pip resolves for each interpreter without installing. A package whose version differs between them
gets one line per Python version, with an environment marker.
"""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Bounds that no package declares. torch and torchvision belong together; NumPy 2.2 is the last for
# Python 3.10; OpenCV 4 is what ROS installations have.
BOUNDS = ("torch==2.12.1", "torchvision==0.27.1", "numpy==2.2.6", "opencv-python<5")
ROOTS = ("pip", "setuptools", "wheel", "onnxruntime-gpu", f"{ROOT}[test]")

HEADER = """\
# The exact version of everything in .venv. Written by tools/make_constraints.py; do not edit.
"""


def resolve(python: str) -> tuple[str, dict[str, str]]:
    """Return an interpreter's version ("3.11") and the version of every package, by name."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.json")
        subprocess.run([python, "-m", "venv", f"{folder}/venv"], check=True)
        pip = [f"{folder}/venv/bin/pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "--upgrade", "pip"], check=True)
        pip += ["--dry-run", "--ignore-installed", "--report", str(report)]
        requirements = ["-r", str(ROOT / "tools" / "requirements-ros.txt")]
        subprocess.run([*pip, *BOUNDS, *ROOTS, *requirements], check=True)
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


def main() -> None:
    """Resolve for every interpreter named on the command line and write the file."""
    resolved = dict(resolve(python) for python in sys.argv[1:] or [sys.executable])
    (ROOT / "constraints.txt").write_text(HEADER + "\n".join(merge(resolved)) + "\n")


if __name__ == "__main__":
    main()
