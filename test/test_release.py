"""The release tools of ROS read what they need from this package, and its wheel holds all of it."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from catkin_pkg.changelog import get_changelog_from_path
from catkin_pkg.package import parse_package

from automask_ros import __version__

ROOT = Path(__file__).parent.parent
SHARE = f"automask_ros-{__version__}.data/data/share"


def test_the_manifest_is_one_that_catkin_pkg_has_nothing_to_say_of() -> None:
    warnings: list[str] = []
    package = parse_package(str(ROOT / "package.xml"), warnings=warnings)
    package.validate(warnings=warnings)
    assert warnings == []
    assert package.version == __version__
    assert package.get_build_type() == "ament_python"
    assert (ROOT / package.licenses[0].file).is_file()


def test_the_changelog_has_what_bloom_takes_from_it() -> None:
    changelog = get_changelog_from_path(str(ROOT), "automask_ros")
    versions = {version: (date, content) for version, date, content in changelog.foreach_version()}
    date, content = versions[__version__]
    assert date is not None and max(versions) == __version__
    assert any(len(str(each).strip()) > 20 for each in content)


def test_interfaces_are_hidden_from_colcon() -> None:
    hidden = {path.parent for path in (ROOT / "interfaces").rglob("COLCON_IGNORE")}
    manifests = set((ROOT / "interfaces").rglob("package.xml"))
    assert ROOT / "interfaces" / "vision_msgs" / "package.xml" in manifests
    assert {path for path in manifests if not hidden & set(path.parents)} == set()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """The wheel, built without leaving anything in the tree or taking what another build left."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "setup.py", "--quiet", "egg_info", "--egg-base", str(folder)]
    build += ["build", "--build-base", str(folder / "build")]
    build += ["bdist_wheel", "--bdist-dir", str(folder / "bdist"), "--dist-dir", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


def test_the_wheel_has_the_marker_by_which_ros_finds_the_package(wheel) -> None:
    names = wheel.namelist()
    assert f"{SHARE}/ament_index/resource_index/packages/automask_ros" in names
    assert wheel.read(f"{SHARE}/automask_ros/package.xml") == (ROOT / "package.xml").read_bytes()


@pytest.mark.parametrize("folder", ["launch", "config", "weights", "sample", "examples"])
def test_the_wheel_has_every_shared_file(wheel, folder: str) -> None:
    files = {path for path in (ROOT / folder).rglob("*") if path.is_file()}
    expected = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    prefix = f"{SHARE}/automask_ros/"
    shared = {name.removeprefix(prefix) for name in wheel.namelist() if name.startswith(prefix)}
    assert {name for name in shared if name.startswith(f"{folder}/")} == expected != set()


def test_the_wheel_has_every_module_and_template(wheel) -> None:
    files = {path for path in (ROOT / "automask_ros").rglob("*") if path.is_file()}
    expected = {path.relative_to(ROOT).as_posix() for path in files if path.suffix != ".pyc"}
    assert {name for name in wheel.namelist() if name.startswith("automask_ros/")} == expected
