"""What `automask doctor` finds out about the machine: ROS 2, its middleware, the runtimes."""

from __future__ import annotations

import enum
import os
import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from automask_ros import __version__
from automask_ros.errors import AutomaskError
from automask_ros.nodes.environment import dds_profile, probe, profile_variables, segment_size
from automask_ros.resources import share_directory

#: Two raw 4K frames (3840 x 2160 x 3 bytes), the least that a shared-memory segment should hold.
LARGE_SEGMENT = 2 * 3840 * 2160 * 3

#: Beside torch, ONNX Runtime and OpenCV, by the names under which they are installed.
PACKAGES = (
    "numpy",
    "timm",
    "onnx",
    "pycocotools",
    "safetensors",
    "scipy",
    "pydantic",
    "rosbags",
    "filelock",
    "matplotlib",
    "jinja2",
    "click",
    "tqdm",
)

# rclpy's major version names the distribution where no setup file has.
_DISTRIBUTIONS = {3: "humble", 7: "jazzy", 9: "kilted"}


class Status(enum.Enum):
    """How a check ended: all is well; worth knowing; something needed is not there."""

    OK = "ok"
    NOTE = "note"
    MISSING = "missing"


@dataclass(frozen=True)
class Check:
    """One thing looked at. `remedy` is empty when there is nothing to do."""

    name: str
    status: Status
    detail: str
    remedy: str = ""


def check_machine() -> Iterator[Check]:
    """Yield one check after the other; those that ask ROS take about a second each."""
    python = f"{platform.python_version()}, {sys.executable}"
    yield Check("Python", Status.OK, python)
    yield Check("automask_ros", Status.OK, f"{__version__}, {share_directory()}")
    yield from _check_ros()
    if "fastrtps" in os.environ.get("RMW_IMPLEMENTATION", "rmw_fastrtps_cpp"):
        yield check_dds_profile(ros_variables=dict(os.environ))
    yield _attempt("torch", _torch, "pip install torch torchvision")
    yield check_onnxruntime()
    yield _attempt("OpenCV", _opencv, "sudo apt install libgl1 libglib2.0-0")
    yield check_cv_bridge()
    yield check_packages()


def check_dds_profile(
    ros_variables: dict[str, str], shared_memory: Path = Path("/dev/shm")
) -> Check:
    """Check the Fast DDS profile that nodes get: the user's own, or else the one that ships."""
    chosen = dds_profile(ros_variables)
    profile = chosen or share_directory() / "config" / "fastdds.xml"
    origin = "set by you" if chosen else "shipped; launch files and automask set it"
    variable = profile_variables(ros_variables)[-1]
    remedy = f"export {variable}={share_directory() / 'config' / 'fastdds.xml'}"
    try:
        size = segment_size(profile)
    except AutomaskError as error:
        return Check("DDS profile", Status.MISSING, str(error), remedy)
    detail = f"{profile} ({origin}), shared-memory segment {size / 2**20:.0f} MiB"
    if size < LARGE_SEGMENT:
        return Check("DDS profile", Status.NOTE, f"{detail}: too small for 4K frames", remedy)
    free = shutil.disk_usage(shared_memory).free
    if free < size:
        return Check(
            "DDS profile",
            Status.NOTE,
            f"{detail}, but {shared_memory} has only {free / 2**20:.0f} MiB free",
            "in a container: --shm-size=1g",
        )
    return Check("DDS profile", Status.OK, detail)


def check_onnxruntime() -> Check:
    """Check which execution providers ONNX Runtime has, and that CUDA is among them if torch's."""
    try:
        import onnxruntime
        import torch
    except ImportError as error:
        remedy = "pip install onnxruntime (with an NVIDIA GPU: onnxruntime-gpu)"
        return Check("ONNX Runtime", Status.MISSING, str(error), remedy)
    providers = onnxruntime.get_available_providers()
    detail = f"{onnxruntime.__version__}, {', '.join(providers)}"
    if torch.cuda.is_available() and "CUDAExecutionProvider" not in providers:
        remedy = "pip uninstall onnxruntime; pip install onnxruntime-gpu"
        return Check("ONNX Runtime", Status.NOTE, f"{detail}: no CUDA, torch has it", remedy)
    return Check("ONNX Runtime", Status.OK, detail)


def check_cv_bridge() -> Check:
    """Check whether cv_bridge works; it is optional, for encodings beyond the standard ones."""
    try:
        from automask_ros.nodes.cv_bridge_fallback import TRIAL

        return Check("cv_bridge", Status.OK, probe(TRIAL))
    except (AutomaskError, ImportError) as error:
        return Check("cv_bridge", Status.NOTE, f"not used ({error}); standard encodings need none")


def check_packages() -> Check:
    """Check that the other Python packages are there, pydantic in its second version."""
    installed, absent = [], []
    for name in PACKAGES:
        try:
            installed.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            absent.append(name)
        if name == "pydantic" and installed[-1:] and installed[-1].startswith("pydantic 1."):
            absent.append("pydantic>=2")
    if absent:
        remedy = f"pip install {' '.join(repr(name) for name in absent)}"
        return Check("other packages", Status.MISSING, f"no {', '.join(absent)}", remedy)
    return Check("other packages", Status.OK, ", ".join(installed))


def _check_ros() -> Iterator[Check]:
    """Yield the checks of ROS 2 and its messages; without rclpy, only that it is missing."""
    hint = "make .venv, or source a ROS 2 installation"
    try:
        rmw = probe("import rclpy; print(rclpy.get_rmw_implementation_identifier())")
    except AutomaskError as error:
        yield Check("ROS 2", Status.MISSING, f"rclpy does not load: {error}", hint)
        return
    yield Check("ROS 2", Status.OK, f"{_distribution()}, {rmw}")
    yield _attempt("rclpy", lambda: probe("import rclpy; print(rclpy.__file__)"), hint)
    code = "import vision_msgs.msg as m; print(m.__file__); m.Detection2DArray()"
    remedy = "make .venv, or sudo apt install ros-$ROS_DISTRO-vision-msgs"
    yield _attempt("vision_msgs", lambda: probe(code), remedy)


def _distribution() -> str:
    name = os.environ.get("ROS_DISTRO")
    if name and os.environ.get("AMENT_PREFIX_PATH"):  # without it, only what make was asked for
        return f"{name}, as sourced"
    try:
        rclpy = version("ros-rclpy")
    except PackageNotFoundError:
        return "distribution unknown (ROS_DISTRO is not set)"
    return f"{_DISTRIBUTIONS.get(int(rclpy.split('.')[0]), '?')}, from PyPI (rclpy {rclpy})"


def _torch() -> str:
    import torch
    import torchvision

    # A torchvision built for another torch imports, and then lacks its operators.
    torchvision.ops.nms(torch.zeros((1, 4)), torch.zeros(1), 0.5)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    threads = f"{torch.get_num_threads()} threads"
    return f"{torch.__version__}, torchvision {torchvision.__version__}, {device}, {threads}"


def _opencv() -> str:
    import cv2

    return str(cv2.__version__)


def _attempt(name: str, find_out: Callable[[], str], remedy: str) -> Check:
    """Return OK with what `find_out` says, or MISSING with the reason that it could not."""
    try:
        return Check(name, Status.OK, find_out())
    except (AutomaskError, ImportError, OSError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        return Check(name, Status.MISSING, reason, remedy)
