"""Make .venv, complete with ROS 2 and vision_msgs, or bring it up to date; standard library only.

Its last act is to write `.venv/complete`, which holds a digest of all that the environment was made
from: without that file, or with another digest in it, the environment counts as unfinished.
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

from prerequisites import Missing, describe, missing_prerequisites

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / "complete"
PYTHON = VENV / "bin" / "python"
CONSTRAINTS = ROOT / "constraints.txt"


def main() -> None:
    """Do nothing when .venv is up to date; otherwise check the machine and make it so."""
    with CONSTRAINTS.open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two terminals: the second one waits for the first
        ros = sourced_ros()
        digest = inputs_digest(ros)
        if STAMP.is_file() and STAMP.read_text() == digest:
            return
        missing = missing_prerequisites(ROOT, builds_interfaces=ros is None)
        if missing and not (STAMP.is_file() and only_disk(missing)):
            sys.exit(f"automask: {describe(missing)}")
        started = time.monotonic()
        make(ros)
        STAMP.write_text(digest)
        say(f".venv is complete after {time.monotonic() - started:.0f} s")


def only_disk(missing: list[Missing]) -> bool:
    """Say whether disk space is all that is missing: an update of an environment needs little."""
    return all(item.what.startswith("disk space") for item in missing)


def make(ros: str | None) -> None:
    """Create or update .venv; an environment without a stamp was interrupted, and starts over."""
    if STAMP.is_file():
        say("Bringing .venv up to date")
        STAMP.unlink()
    else:
        say("Making .venv: about 3 minutes and 6 GB (PyTorch with CUDA is most of it)")
        shutil.rmtree(VENV, ignore_errors=True)
        venv.create(VENV, with_pip=True, symlinks=True, system_site_packages=ros is not None)
    say("[1/3] " + (f"ROS 2 {ros}, as sourced" if ros else "ROS 2 Jazzy from PyPI"))
    pip("pip", "setuptools", "wheel")
    if ros is None:
        pip("numpy", "-r", str(ROOT / "tools" / "requirements-ros.txt"))
    say("[2/3] automask_ros and what it stands on")
    pip("--no-build-isolation", "-e", f"{ROOT}[test]", AUTOMASK_ONNXRUNTIME=onnxruntime())
    if ros and importable("vision_msgs"):
        say("[3/3] vision_msgs, as sourced")
    else:
        say("[3/3] vision_msgs, built from interfaces/vision_msgs (less than a minute)")
        run([str(PYTHON), str(ROOT / "tools" / "build_vision_msgs.py")])


def sourced_ros() -> str | None:
    """Return the name of the ROS 2 distribution whose environment is sourced, or None."""
    distribution = os.environ.get("ROS_DISTRO")
    if not (distribution and os.environ.get("AMENT_PREFIX_PATH")):
        return None
    if subprocess.run([sys.executable, "-c", "import rclpy"], capture_output=True).returncode != 0:
        sys.exit(
            f"automask: ROS 2 {distribution} is sourced, but {sys.executable} cannot import its "
            "rclpy; call make PYTHON=/usr/bin/python3, or use a shell without ROS"
        )
    return distribution


def inputs_digest(ros: str | None) -> str:
    """Return a digest of everything that decides what the environment contains."""
    digest = hashlib.sha256(f"{sys.version} {ros} {onnxruntime()}".encode())
    files = [CONSTRAINTS, ROOT / "setup.py", ROOT / "pyproject.toml"]
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


def importable(module: str) -> bool:
    """Say whether the environment's Python finds `module`."""
    command = [str(PYTHON), "-c", f"import {module}"]
    return subprocess.run(command, capture_output=True).returncode == 0


def pip(*arguments: str, **environment: str) -> None:
    """Install exactly the versions of constraints.txt; quiet unless somebody watches."""
    quiet = () if sys.stdout.isatty() else ("-qq",)
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", *quiet]
    run([*command, "--constraint", str(CONSTRAINTS), *arguments], **environment)


def run(command: list[str], **environment: str) -> None:
    """Run a command to its end; end this script with one line when it fails."""
    returncode = subprocess.run(command, env={**os.environ, **environment}).returncode
    if returncode != 0:
        sys.exit(f"automask: making .venv failed at: {' '.join(command[1:])}")


def say(line: str) -> None:
    """Print a line at once, before the output of what comes next."""
    print(line, flush=True)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("automask: interrupted; the unfinished .venv will be made anew next time")
