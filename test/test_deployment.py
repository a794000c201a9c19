"""The unit, the image and its services, compared with the tree: none of them can be run here."""

import re
import shlex
import shutil
import subprocess
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
UNIT = ROOT / "config" / "systemd" / "automask@.service"
DOCKERFILE = (ROOT / "docker" / "Dockerfile").read_text()
SERVICES = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())["services"]
LAUNCHING = "".join(
    path.read_text() for path in (ROOT / "automask_ros" / "nodes").glob("launch*.py")
)


def launched(words: list[str]) -> tuple[str, list[str]]:
    """The launch file that a command names, and the arguments that it gives."""
    place = words.index("automask_ros")
    return words[place + 1], [
        word.partition(":=")[0] for word in words[place + 2 :] if ":=" in word
    ]


def assert_can_be_launched(words: list[str]) -> None:
    name, arguments = launched(words)
    text = (ROOT / "launch" / name).read_text()
    assert arguments
    for argument in arguments:
        assert f'"{argument}"' in LAUNCHING, f"no launch argument {argument}"
        # A launch file names its arguments one by one, or takes them all.
        assert f'"{argument}"' in text or "list(ARGUMENTS)" in text, f"{name} has no {argument}"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd")
@pytest.mark.parametrize("fault", [False, True])
def test_the_unit_is_valid(tmp_path, fault):
    text = UNIT.read_text()
    unit = tmp_path / "automask@detect.service"
    unit.write_text(text.replace("OOMPolicy=continue", "OOMPolicy=contine") if fault else text)
    checked = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)], capture_output=True, text=True
    )
    said = [line for line in checked.stderr.splitlines() if unit.name in line]
    assert bool(said) == fault, said


@pytest.mark.parametrize("name", ["detect", "teach"])
def test_the_unit_starts_a_launch_file(name):
    (line,) = re.findall(r"^ExecStart=(.*)$", UNIT.read_text(), re.MULTILINE)
    shell, option, script = shlex.split(line.replace("%i", name))
    assert (shell, option) == ("/bin/bash", "-c")
    script = script.replace("$${", "${")  # systemd's way to leave a variable to the shell
    assert_can_be_launched(script.split())
    subprocess.run(["bash", "-n", "-c", script], check=True)


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_starts_a_launch_file(name):
    service = SERVICES[name]
    assert (service["network_mode"], service["ipc"], service["read_only"]) == ("host", "host", True)
    shell, option, script = service["command"]
    assert launched(script.split())[0] == f"{name}.launch.py"
    assert_can_be_launched(script.split())
    subprocess.run([shell, "-n", option, script.replace("$$", "$")], check=True)
    build = service["build"]
    context = ROOT / "docker" / build["context"]
    assert context.resolve() == ROOT
    assert (context / build["dockerfile"]).read_text() == DOCKERFILE


def test_the_image_is_made_of_what_is_there():
    for source in re.findall(r"source=([^,\s]+)", DOCKERFILE):
        assert (ROOT / source).exists(), source
    (option,) = re.findall(r"(AUTOMASK_ONNXRUNTIME)=", DOCKERFILE)
    assert f'"{option}"' in (ROOT / "setup.py").read_text()
    prerequisites = (ROOT / "tools" / "prerequisites.py").read_text()
    for package in ("libgl1", "libglib2.0-0"):
        assert f'"{package}"' in prerequisites
        assert re.search(rf"^ +{re.escape(package)} ", DOCKERFILE, re.MULTILINE), package


def test_no_environment_and_nothing_made_goes_into_the_image():
    """Git ignores the same; an environment is 6 GB, and each distribution has its own."""
    excluded = (ROOT / "docker" / "Dockerfile.dockerignore").read_text().split()
    made = [line for line in (ROOT / ".gitignore").read_text().split() if line.startswith("/")]
    folders = [line.strip("/") for line in made if line.count("/") == 2]
    assert ".venv-kilted" in folders and "build" in folders
    for folder in folders:
        assert any(fnmatch(folder, pattern) for pattern in excluded), folder
