"""`make` takes the environment of the distribution that is wanted or sourced, and no other."""

import os
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DISTRIBUTIONS = ("jazzy", "kilted")


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run make as from a fresh shell: without the variables of the make that runs the tests."""
    inherited = {"ROS_DISTRO", "AMENT_PREFIX_PATH", "MAKEFLAGS", "MAKELEVEL", "MAKEOVERRIDES"}
    base = {name: value for name, value in os.environ.items() if name not in inherited}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=base | environment, capture_output=True, text=True
    )


def sourced(tmp_path: Path, name: str, rclpy: str) -> dict[str, str]:
    """Return the variables of a sourced ROS 2 whose rclpy has this version."""
    manifest = tmp_path / "share" / "rclpy" / "package.xml"
    manifest.parent.mkdir(parents=True)
    manifest.write_text(f"<package format='3'><version>{rclpy}</version></package>")
    return {"ROS_DISTRO": name, "AMENT_PREFIX_PATH": str(tmp_path)}


@pytest.mark.parametrize(
    ("arguments", "environment", "folder"),
    [
        ((), {}, ".venv"),
        (("ROS_DISTRO=jazzy",), {}, ".venv"),
        (("ROS_DISTRO=kilted",), {}, ".venv-kilted"),
        ((), {"ROS_DISTRO": "kilted"}, ".venv-kilted"),
    ],
)
def test_each_distribution_has_an_environment_of_its_own(arguments, environment, folder) -> None:
    printed = make("--dry-run", "test", *arguments, **environment).stdout
    assert f"{folder}/bin/pytest" in printed.split()
    assert f'"{folder}"' in printed


@pytest.mark.parametrize("name", ["humble", "lyrical", "kilt", ""])
def test_others_end_in_one_line_that_names_what_there_is(name: str) -> None:
    done = make(".venv", f"ROS_DISTRO={name}")
    line, of_make = done.stderr.splitlines()
    assert line.startswith(f"automask: ROS_DISTRO={name} is not supported; there are: ")
    assert all(distribution in line for distribution in DISTRIBUTIONS)
    assert of_make.startswith("make: ***") and done.returncode == 2


def test_a_sourced_humble_is_refused(tmp_path: Path) -> None:
    done = make(".venv", **sourced(tmp_path, "humble", "3.3.21"))
    assert "ROS_DISTRO=humble is not supported" in done.stderr


def test_another_than_the_sourced_one_is_refused(tmp_path: Path) -> None:
    done = make(".venv", "ROS_DISTRO=kilted", **sourced(tmp_path, "jazzy", "7.1.6"))
    assert "ROS 2 jazzy is sourced, but ROS_DISTRO is kilted" in done.stderr


@pytest.mark.parametrize("distribution", DISTRIBUTIONS)
def test_every_required_wheel_is_pinned(distribution: str) -> None:
    lines = (ROOT / "tools" / "requirements-ros.txt").read_text().splitlines()
    lines += (ROOT / "tools" / f"requirements-{distribution}.txt").read_text().splitlines()
    names = [re.split(r"[\[=]", line)[0] for line in lines if line and line[0] not in "#-"]
    required = {name.replace("${ROS_DISTRO}", distribution) for name in names}
    pins = (ROOT / "constraints.txt").read_text()
    pins += (ROOT / f"constraints-{distribution}.txt").read_text()
    assert {name for name in required if f"\n{name}==" not in pins} == set()
    assert f"ros-{distribution}-ament-cmake" in required


def test_this_environment_is_of_one_of_them() -> None:
    try:
        rclpy = version("ros-rclpy")
    except ImportError:
        pytest.skip("ROS 2 is sourced, its versions are its own")
    pins = [(ROOT / f"constraints-{name}.txt").read_text() for name in DISTRIBUTIONS]
    assert any(f"\nros-rclpy=={rclpy}\n" in text for text in pins)
