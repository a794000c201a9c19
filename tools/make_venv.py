"""Make a virtual environment, complete with ROS 2 and vision_msgs, or bring it up to date.

    python3 tools/make_venv.py DISTRIBUTION FOLDER

Standard library only. Its last act is to write `FOLDER/complete`, which holds a digest of all that
the environment was made from: without that file, or with another digest in it, the environment
counts as unfinished.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path
from typing import NamedTuple

from distributions import WrongDistributionError, check, constraints, requirements
from prerequisites import Missing, describe, missing_prerequisites

ROOT = Path(__file__).resolve().parent.parent


class Plan(NamedTuple):
    """Which environment is to be made: where, for which distribution, and whence that comes."""

    folder: Path
    distribution: str
    sourced: bool

    @property
    def stamp(self) -> Path:
        """The file that says from what the environment was made."""
        return self.folder / "complete"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.folder / "bin" / "python"


def main(distribution: str, folder: str) -> None:
    """Do nothing when the environment is up to date; otherwise check the machine and make it so."""
    with (ROOT / "constraints.txt").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals: the second one waits for the first
        plan = Plan(ROOT / folder, distribution, is_sourced(distribution))
        digest = inputs_digest(plan)
        if plan.stamp.is_file() and plan.stamp.read_text() == digest:
            return
        missing = missing_prerequisites(ROOT, builds_interfaces=not plan.sourced)
        if missing and not (plan.stamp.is_file() and only_disk(missing)):
            sys.exit(f"automask: {describe(missing)}")
        started = time.monotonic()
        make(plan)
        plan.stamp.write_text(digest)
        say(f"{folder} is complete after {time.monotonic() - started:.0f} s")


def only_disk(missing: list[Missing]) -> bool:
    """Say whether disk space is all that is missing: an update of an environment needs little."""
    return all(item.what.startswith("disk space") for item in missing)


def make(plan: Plan) -> None:
    """Create or update it; an environment without a stamp was interrupted, and starts over."""
    name = plan.folder.name
    if plan.stamp.is_file():
        say(f"Bringing {name} up to date")
        plan.stamp.unlink()
    else:
        say(f"Making {name}: about 3 minutes and 6 GB (PyTorch with CUDA is most of it)")
        shutil.rmtree(plan.folder, ignore_errors=True)
        venv.create(plan.folder, with_pip=True, symlinks=True, system_site_packages=plan.sourced)
    origin = "as sourced" if plan.sourced else "from PyPI"
    say(f"[1/3] ROS 2 {plan.distribution.title()}, {origin}")
    pip(plan, "pip", "setuptools", "wheel")
    if not plan.sourced:
        pip(plan, "numpy", "-r", str(requirements(plan.distribution)))
    say("[2/3] automask_ros and what it stands on")
    pip(plan, "--no-build-isolation", "-e", f"{ROOT}[test]")
    if plan.sourced and importable(plan.python, "vision_msgs"):
        say("[3/3] vision_msgs, as sourced")
    else:
        say("[3/3] vision_msgs, built from interfaces/vision_msgs (less than a minute)")
        run(plan, [str(plan.python), str(ROOT / "tools" / "build_vision_msgs.py")])


def is_sourced(distribution: str) -> bool:
    """Say whether the distribution comes from a sourced environment; end with one line if not so.

    That is: when another one is sourced, or one whose Python is not this one, or none is known.
    """
    try:
        sourced = check(distribution, os.environ)
    except WrongDistributionError as error:
        sys.exit(f"automask: {error}")
    if (
        sourced
        and subprocess.run([sys.executable, "-c", "import rclpy"], capture_output=True).returncode
    ):
        sys.exit(
            f"automask: ROS 2 {distribution} is sourced, but {sys.executable} cannot import its "
            "rclpy; call make PYTHON=/usr/bin/python3, or use a shell without ROS"
        )
    return sourced


def inputs_digest(plan: Plan) -> str:
    """Return a digest of everything that decides what the environment contains."""
    about = f"{sys.version} {plan.distribution} {plan.sourced} {onnxruntime()}"
    digest = hashlib.sha256(about.encode())
    files = [*constraints(plan.distribution), requirements(plan.distribution)]
    files += [ROOT / "setup.py", ROOT / "pyproject.toml"]
    files += [ROOT / "tools" / name for name in ("requirements-ros.txt", "build_vision_msgs.py")]
    files += [path for path in (ROOT / "interfaces").rglob("*") if path.is_file()]
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def onnxruntime() -> str:
    """Return the ONNX Runtime package that fits this machine: with CUDA where there is a GPU."""
    if shutil.which("nvidia-smi") is None:
        return "onnxruntime"
    listed = subprocess.run(["nvidia-smi", "-L"], capture_output=True, text=True)
    has_gpu = listed.returncode == 0 and "GPU" in listed.stdout
    return "onnxruntime-gpu" if has_gpu else "onnxruntime"


def importable(python: Path | str, module: str) -> bool:
    """Say whether an interpreter finds `module`."""
    command = [str(python), "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def pip(plan: Plan, *arguments: str) -> None:
    """Install exactly the versions of the constraints; quiet unless somebody watches."""
    quiet = () if sys.stdout.isatty() else ("-qq",)
    command = [str(plan.python), "-m", "pip", "install", "--disable-pip-version-check", *quiet]
    for path in constraints(plan.distribution):
        command += ["--constraint", str(path)]
    run(plan, [*command, *arguments])


def run(plan: Plan, command: list[str]) -> None:
    """Run a command to its end; end this script with one line when it fails."""
    chosen = {"ROS_DISTRO": plan.distribution, "AUTOMASK_ONNXRUNTIME": onnxruntime()}
    if subprocess.run(command, env=os.environ | chosen).returncode != 0:
        sys.exit(f"automask: making {plan.folder.name} failed at: {' '.join(command[1:])}")


def say(line: str) -> None:
    """Print a line at once, before the output of what comes next."""
    print(line, flush=True)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit("automask: interrupted; the unfinished environment will be made anew next time")
