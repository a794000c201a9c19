""".ci/run brings a browser to a machine without one, as far as its distribution allows."""

import shutil
from pathlib import Path
from subprocess import run

import browser
import pytest

ROOT = Path(__file__).parent.parent
TOOLS = ("bash", "dirname", "env", "id")
STUB = '#!/bin/sh\necho "${0##*/}" "$@" >> "$CALLS"\n'


@pytest.fixture
def calls(tmp_path):
    """Run .ci/run where nothing but these programs is there; what it called, line by line."""

    def calls(*programs, packaged, environment=()):
        place, tools = tmp_path / "tree", tmp_path / "bin"
        for folder in (tools, place / ".ci", place / ".venv/bin", place / ".venv-kilted/bin"):
            folder.mkdir(parents=True)
        shutil.copy(ROOT / ".ci" / "run", place / ".ci" / "run")
        for name in TOOLS:
            (tools / name).symlink_to(shutil.which(name))
        stubs = [tools / name for name in ("make", "python3", "sudo", *programs)]
        stubs += [place / name / "bin/playwright" for name in (".venv", ".venv-kilted")]
        for stub in stubs:
            stub.write_text(STUB)
        if "apt-cache" in programs and not packaged:
            (tools / "apt-cache").write_text("#!/bin/sh\nexit 100\n")
        for stub in stubs:
            stub.chmod(0o755)
        base = {"PATH": str(tools), "CALLS": str(tmp_path / "calls")}
        done = run([place / ".ci" / "run"], env=base | dict(environment), capture_output=True)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "calls").read_text().splitlines()

    return calls


def test_debian_s_package_is_taken_where_there_is_one(calls):
    called = calls("apt-get", "apt-cache", packaged=True)
    (installed,) = [line for line in called if "apt-get install" in line]
    assert installed.endswith(" fonts-dejavu-core chromium-headless-shell")
    assert not any(line.startswith("playwright") for line in called)
    assert called[-1] == "make test"


@pytest.mark.parametrize("distribution", ["jazzy", "kilted"])
def test_elsewhere_playwright_brings_its_own(calls, distribution):
    """Ubuntu has no such package: to ask for it would end the run before any test."""
    environment = {"ROS_DISTRO": distribution}
    called = calls("apt-get", "apt-cache", packaged=False, environment=environment)
    assert not any("chromium-headless-shell" in line for line in called)
    assert called[-3:] == [
        "make .venv",
        "playwright install --with-deps --only-shell chromium",
        "make test",
    ]


@pytest.mark.parametrize("name", browser.NAMES)
def test_a_browser_that_is_there_is_enough(calls, name):
    called = calls("apt-get", "apt-cache", name, packaged=True)
    assert called == ["python3 tools/prerequisites.py", "make test"]
