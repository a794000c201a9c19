"""The C++ example: built and run where a C++ ROS is there; what needs no rclcpp, everywhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from examples.run_example import EXAMPLES
from integration.drawn_objects import view
from integration.robot import Robot
from integration.stored_models import store_model

from automask_ros.library.library import Library

SOURCE = EXAMPLES / "cpp"
PREFIXES = [
    Path(each)
    for each in (*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix)
    if each
]
COMPILER = shutil.which("g++") or shutil.which("c++")

needs_compiler = pytest.mark.skipif(COMPILER is None, reason="there is no C++ compiler")
needs_rclcpp = pytest.mark.skipif(
    not (
        shutil.which("cmake") and any((each / "share/rclcpp/cmake").is_dir() for each in PREFIXES)
    ),
    reason="rclcpp and CMake come with a ROS 2 installation, not with pip",
)


def finished(command, **keywords):
    """What a command printed; it has to succeed."""
    done = subprocess.run(command, capture_output=True, text=True, **keywords)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_compiler
def test_what_is_printed(tmp_path):
    includes = [folder for prefix in PREFIXES for folder in (prefix / "include").glob("*")]
    program = tmp_path / "check"
    finished(
        [
            *(COMPILER, "-std=c++17", "-Wall", "-Wextra", "-Wpedantic", "-Werror"),
            *(f"-isystem{folder}" for folder in includes),
            *(f"-I{SOURCE}", str(Path(__file__).parent / "described_check.cpp")),
            *("-o", str(program)),
        ]
    )
    for order in ("little", "big"):
        assert finished([program, order]) == (
            "mug 0.97 at 160 120, 80 x 95 pixels, mask of 2 pixels\n"
            "pen 0.50 at 160 120, 80 x 95 pixels, mask of 1 pixels\n"
        )


@needs_compiler
@needs_rclcpp
def test_the_node_prints_what_is_detected(tmp_path):
    library = Library(tmp_path / "library", create=True)
    image, mask = view("cup", 0)
    store_model(library, image)
    build = tmp_path / "build"
    paths = ";".join(map(str, PREFIXES))
    finished(["cmake", "-S", SOURCE, "-B", build, f"-DCMAKE_PREFIX_PATH={paths}", "-Wno-dev"])
    finished(["cmake", "--build", build])
    robot = Robot(tmp_path)
    printed = tmp_path / "printed"
    try:
        robot.start("detector_node", library=library.root, device="cpu")
        with printed.open("w") as file:
            node = subprocess.Popen(
                [build / "detections_printer", "--ros-args", "-r", f"__ns:={robot.namespace}"],
                env=robot.environment,
                stdout=file,
            )

        def lines():
            robot.show(image)
            robot.spin(0.2)
            return printed.read_text().splitlines()

        label, _, _, x, y, *_, pixels, _ = robot.wait_for(lines, 60, "a line")[0].split()
        node.terminate()
        assert node.wait(10) in (0, -15)
    finally:
        robot.close()
    assert label == "cup"
    assert abs(int(pixels) - mask.sum()) < 0.2 * mask.sum()
    middle = (mask.nonzero()[1].mean(), mask.nonzero()[0].mean())
    assert (float(x), float(y.rstrip(","))) == pytest.approx(middle, abs=15)
