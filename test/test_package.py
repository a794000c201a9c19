"""What package.xml and setup.py declare is what the code uses and what gets installed."""

import ast
import importlib.util
import re
import sys
import xml.etree.ElementTree as ElementTree
from importlib.metadata import distribution
from pathlib import Path

import pytest

from automask_ros import __version__

ROOT = Path(__file__).parent.parent
PACKAGE_XML = ElementTree.parse(ROOT / "package.xml").getroot()
EXEC_DEPENDS = {element.text for element in PACKAGE_XML.iter("exec_depend")}

#: Module -> (its requirement in setup.py, its rosdep key or None where there is none).
PYTHON = {
    "backports": ("backports.zstd", None),
    "click": ("click", "python3-click"),
    "cv2": ("opencv-python", "python3-opencv"),
    "filelock": ("filelock", "python3-filelock"),
    "jinja2": ("jinja2", "python3-jinja2"),
    "matplotlib": ("matplotlib", "python3-matplotlib"),
    "numpy": ("numpy", "python3-numpy"),
    "onnx": ("onnx", None),
    "onnxruntime": ("onnxruntime", "python3-onnxruntime-pip"),
    "pycocotools": ("pycocotools", None),
    "pydantic": ("pydantic", "python3-pydantic"),
    "rosbags": ("rosbags", "python3-rosbags-pip"),
    "safetensors": ("safetensors", None),
    "scipy": ("scipy", "python3-scipy"),
    "timm": ("timm", "python3-timm-pip"),
    "torch": ("torch", "python3-pytorch-pip"),
    "torchvision": ("torchvision", "python3-pytorch-pip"),
    "tqdm": ("tqdm", "python3-tqdm"),
    "yaml": ("PyYAML", "python3-yaml"),
}

#: Imported by what we call: torch.onnx.
INDIRECT = {"onnx"}


def third_party_modules() -> set[str]:
    """Return the top-level name of every import that is neither ours nor the standard library's."""
    names = set()
    folders = (ROOT / "automask_ros", ROOT / "launch")
    for path in (path for folder in folders for path in folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module.split(".")[0])
    return names - set(sys.stdlib_module_names) - {"automask_ros"}


def test_package_xml_is_of_format_3_and_agrees_on_the_version() -> None:
    assert PACKAGE_XML.get("format") == "3"
    assert PACKAGE_XML.findtext("name") == "automask_ros"
    assert PACKAGE_XML.findtext("version") == __version__ == distribution("automask_ros").version
    assert PACKAGE_XML.findtext("export/build_type") == "ament_python"
    assert PACKAGE_XML.findtext("license") == "Apache-2.0"


def test_changelog_tells_of_this_version() -> None:
    assert f"\n{__version__} (" in (ROOT / "CHANGELOG.rst").read_text()


@pytest.mark.parametrize("module", sorted(third_party_modules() | INDIRECT))
def test_every_import_is_declared(module: str) -> None:
    if module not in PYTHON:
        assert module in EXEC_DEPENDS, f"{module}: neither a ROS dependency nor one from PyPI"
        return
    requirement, key = PYTHON[module]
    required = distribution("automask_ros").requires or []
    declared = {re.split(r"[^A-Za-z0-9_.-]", line)[0].removesuffix("-gpu") for line in required}
    assert requirement in declared
    if key is None:
        assert module in (ROOT / "package.xml").read_text(), "say that it has no rosdep key"
    else:
        assert key in EXEC_DEPENDS


def test_every_python_dependency_is_used() -> None:
    assert set(PYTHON) - INDIRECT <= third_party_modules()


def executables() -> dict[str, str]:
    """Return what setup.py installs: name -> module."""
    scripts = distribution("automask_ros").entry_points.select(group="console_scripts")
    return {script.name: script.value.removesuffix(":main") for script in scripts}


def test_every_node_and_the_command_line_are_executables() -> None:
    nodes = (ROOT / "automask_ros" / "nodes").glob("*.py")
    modules = {path.stem for path in nodes if "\ndef main(" in path.read_text()}
    modules -= {"demo_session"}  # which the demo starts by itself
    expected = {name: f"automask_ros.nodes.{name}" for name in modules}
    assert executables() == expected | {"automask": "automask_ros.cli.main"}


@pytest.mark.parametrize("module", executables().values())
def test_executables_exist(module: str) -> None:
    spec = importlib.util.find_spec(module)
    assert spec is not None and spec.origin is not None
    tree = ast.parse(Path(spec.origin).read_text())
    assert "main" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_folder_of_modules_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "automask_ros").rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []
