"""Build and installation of automask_ros, for colcon and for pip alike."""

import os
from pathlib import Path

from setuptools import find_packages, setup

NAME = "automask_ros"
HERE = Path(__file__).resolve().parent

# `onnxruntime` and `onnxruntime-gpu` are one and the same Python package: installed together they
# overwrite each other's files, and no extra can take a requirement away. So the choice is made
# here: AUTOMASK_ONNXRUNTIME=onnxruntime-gpu pip install .
ONNXRUNTIME = os.environ.get("AUTOMASK_ONNXRUNTIME", "onnxruntime")

TENSORBOARD = "tensorboard>=2.13"

NODES = (
    "capture_node",
    "mask_generation_node",
    "trainer_node",
    "detector_node",
    "replay_node",
    "teach_node",
    "composed_nodes",
)


def version() -> str:
    """Return the one version there is: that of automask_ros/__init__.py."""
    for line in (HERE / NAME / "__init__.py").read_text().splitlines():
        if line.startswith("__version__ = "):
            return line.split('"')[1]
    raise RuntimeError("automask_ros/__init__.py has no __version__")


def shared_files(*folders: str) -> list[tuple[str, list[str]]]:
    """Return data_files rows that copy whole folders, as they are, into share/automask_ros."""
    rows: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                relative = path.relative_to(HERE)
                rows.setdefault(f"share/{NAME}/{relative.parent}", []).append(str(relative))
    return list(rows.items())


setup(
    name=NAME,
    version=version(),
    packages=find_packages(include=[NAME, f"{NAME}.*"]),
    package_data={NAME: ["py.typed", "*/templates/*"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        *shared_files("launch", "config", "weights", "sample", "examples"),
    ],
    python_requires=">=3.10,<3.14",
    # The ROS packages (rclpy, the messages, cv_bridge) are in package.xml: pip does not bring them.
    install_requires=[
        "backports.zstd>=1.0",  # packed recordings; rosbags has it, too
        "click>=8.1",
        "filelock>=3.13",
        "jinja2>=3.0",
        "matplotlib>=3.6",
        "numpy>=1.26",
        "onnx>=1.16",  # torch.onnx imports it
        f"{ONNXRUNTIME}>=1.18",
        "opencv-python>=4.8",
        "pycocotools>=2.0.7",
        "pydantic>=2.5",
        "PyYAML>=5.4",  # parameter files, where launch files check them
        "rosbags>=0.11.9",  # whose decompressor checks what it reads
        "safetensors>=0.4",
        "scipy>=1.11",
        "timm>=1.0",
        "torch>=2.4",
        "torchvision>=0.19",
        "tqdm>=4.64",
    ],
    extras_require={
        "tensorboard": [TENSORBOARD],  # the curves of automask train-fcn
        "test": [
            "catkin_pkg>=1.0",
            "mypy>=1.10",
            "playwright>=1.45",
            "pytest>=7.4",
            "ruff>=0.6",
            TENSORBOARD,
        ],
    },
    zip_safe=True,
    maintainer="The automask_ros developers",
    maintainer_email="maintainers@automask-ros.invalid",
    description="Teach a robot an object by name: automatic masks train Mask R-CNN",
    license="Apache-2.0",
    entry_points={
        "console_scripts": [
            f"automask = {NAME}.cli.main:main",
            *(f"{node} = {NAME}.nodes.{node}:main" for node in NODES),
        ],
    },
)
