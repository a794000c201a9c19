"""automask doctor: what it says about a whole machine, and about one that lacks something."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from automask_ros.cli import doctor_checks
from automask_ros.cli.doctor_checks import (
    LARGE_SEGMENT,
    Check,
    Status,
    check_dds_profile,
    check_machine,
    check_packages,
)
from automask_ros.cli.doctor_files import check_library, check_sample, check_weights
from automask_ros.cli.main import main
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.nodes.environment import (
    PROFILE_VARIABLES,
    dds_profile,
    probe,
    profile_variables,
    ros_environment,
    segment_size,
)
from automask_ros.resources import share_directory

PROFILE = '<profiles xmlns="urn:x"><segment_size>{}</segment_size></profiles>'


@pytest.fixture
def profile(tmp_path: Path) -> Path:
    path = tmp_path / "profile.xml"
    path.write_text(PROFILE.format(524288))
    return path


def test_this_machine_has_all_that_is_needed() -> None:
    checks = {check.name: check for check in check_machine()}
    assert [check for check in checks.values() if check.status is Status.MISSING] == []
    assert {"ROS 2", "rclpy", "vision_msgs", "torch", "ONNX Runtime", "cv_bridge"} <= set(checks)
    assert "rmw_" in checks["ROS 2"].detail
    assert "CPUExecutionProvider" in checks["ONNX Runtime"].detail


def test_the_weights_and_the_sample_ship() -> None:
    for check in (check_weights("lite_fcn"), check_weights("lite_mask_rcnn"), check_sample()):
        assert check.status is Status.OK, check


def test_absent_weights_are_missing_with_a_remedy() -> None:
    check = check_weights("no_such_network")
    assert check.status is Status.MISSING and "reinstall" in check.remedy


def test_the_shipped_profile_is_large_enough() -> None:
    assert segment_size(share_directory() / "config" / "fastdds.xml") >= LARGE_SEGMENT


def test_a_small_segment_is_noted(profile: Path) -> None:
    check = check_dds_profile({PROFILE_VARIABLES[1]: str(profile)})
    assert check.status is Status.NOTE
    assert "too small for 4K frames" in check.detail and "fastdds.xml" in check.remedy


def test_a_segment_larger_than_the_shared_memory_is_noted(profile: Path, tmp_path: Path) -> None:
    profile.write_text(PROFILE.format(10**18))
    check = check_dds_profile({PROFILE_VARIABLES[0]: str(profile)}, shared_memory=tmp_path)
    assert check.status is Status.NOTE and "--shm-size" in check.remedy


def test_a_profile_that_is_not_there_is_missing(tmp_path: Path) -> None:
    check = check_dds_profile({PROFILE_VARIABLES[0]: str(tmp_path / "absent.xml")})
    assert check.status is Status.MISSING and "absent.xml" in check.detail


def test_the_environment_of_a_node_has_a_profile_and_keeps_the_users_own(profile: Path) -> None:
    shipped = ros_environment({})
    assert all(shipped[name].endswith("config/fastdds.xml") for name in profile_variables({}))
    chosen = ros_environment({PROFILE_VARIABLES[1]: str(profile), "OTHER": "kept"})
    assert dds_profile(chosen) == profile
    assert [chosen[name] for name in PROFILE_VARIABLES] == [str(profile)] * 2
    assert chosen["OTHER"] == "kept"


def test_fast_dds_3_is_not_given_the_name_that_it_warns_of(tmp_path: Path) -> None:
    (tmp_path / "share" / "fastdds").mkdir(parents=True)
    chosen = ros_environment({"AMENT_PREFIX_PATH": str(tmp_path)})
    assert chosen[PROFILE_VARIABLES[0]].endswith("config/fastdds.xml")
    assert PROFILE_VARIABLES[1] not in chosen


def test_what_is_sourced_stays_in_the_prefix_path() -> None:
    assert ros_environment({"AMENT_PREFIX_PATH": "/opt/here"})["AMENT_PREFIX_PATH"].endswith(
        "/opt/here"
    )


def test_an_absent_package_is_missing_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert check_packages().status is Status.OK
    monkeypatch.setattr(doctor_checks, "PACKAGES", ("pydantic", "no-such-package"))
    check = check_packages()
    assert (check.status, check.detail) == (Status.MISSING, "no no-such-package")
    assert check.remedy == "pip install 'no-such-package'"


def test_probe_gives_output_or_the_reason() -> None:
    assert probe("print(6 * 7)") == "42"
    with pytest.raises(AutomaskError, match="^ModuleNotFoundError: No module named 'nowhere'$"):
        probe("import nowhere")
    with pytest.raises(AutomaskError, match=r"^it crashed \(Segmentation fault\)$"):
        probe("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)")


def test_a_library_is_described(tmp_path: Path) -> None:
    library = Library(tmp_path / "library", create=True)
    image = np.zeros((48, 64, 3), np.uint8)
    library.add_view("mug", image, captured_at=1.0, source="test")
    check = check_library(library.root)
    assert check.status is Status.OK
    assert check.detail.endswith("mug 1 views (0 usable); no model yet")


def test_the_command_writes_json_and_fails_for_a_missing_library(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = tmp_path / "doctor.json"
    code = main(["doctor", "--library", str(tmp_path / "nowhere"), "--json", str(figures)])
    assert code == 1
    written = json.loads(figures.read_text())
    assert written["ok"] is False
    by_name = {check["name"]: Check(**check) for check in written["checks"]}
    assert by_name["torch"].status == "ok"
    assert by_name["library"].status == "missing"
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("missing: ") and last.endswith("library")


@pytest.mark.parametrize("name", ["cv2", "numpy", "pydantic", "filelock", "torch", "safetensors"])
def test_it_runs_where_a_package_does_not_load(name: str) -> None:
    code = (
        f"import sys; sys.modules[{name!r}] = None\n"
        "from automask_ros.cli.main import main; sys.exit(main(['doctor']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1) and "Traceback" not in done.stderr
    last = done.stdout.splitlines()[-1]
    assert last.startswith(("all that is needed", "missing: "))


def test_a_package_that_does_not_fit_is_one_line_that_names_doctor(capsys, monkeypatch) -> None:
    def load(_: str) -> None:
        raise ImportError("cannot import name 'AfterValidator' from 'pydantic'")

    monkeypatch.setattr(importlib, "import_module", load)
    assert main(["train"]) == 2
    line = (
        "automask: cannot import name 'AfterValidator' from 'pydantic'; see why: automask doctor\n"
    )
    assert capsys.readouterr().err == line
