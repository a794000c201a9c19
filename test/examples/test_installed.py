"""The examples are installed where ROS users look for them."""

import runpy
from pathlib import Path

from examples.run_example import EXAMPLES

ROOT = EXAMPLES.parent


def test_every_example_is_installed(monkeypatch):
    given = {}
    monkeypatch.setattr("setuptools.setup", lambda **arguments: given.update(arguments))
    runpy.run_path(str(ROOT / "setup.py"))
    installed = {
        f"{folder}/{Path(name).name}": ROOT / name
        for folder, names in given["data_files"]
        for name in names
    }
    for path in ("README.md", "wait_for_object.py", "onnx_without_ros.py", "cpp/package.xml"):
        assert installed[f"share/automask_ros/examples/{path}"] == EXAMPLES / path


def test_the_readme_tells_of_every_example():
    words = (EXAMPLES / "README.md").read_text()
    scripts = [path.name for path in EXAMPLES.glob("*.py")]
    assert len(scripts) >= 5
    assert [name for name in scripts if f"[{name}]({name})" not in words] == []
