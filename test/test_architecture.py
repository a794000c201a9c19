"""The house as the design draws it: which part may import which, read from the source itself."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "automask_ros"

#: Modules that every part may use.
FOUNDATION = {
    *("", "types", "errors", "resources", "devices", "memory", "low_priority"),
    *("colours", "drawing", "edges", "lettering", "teaching_picture"),
}

#: Part -> the parts it may import beside itself and the foundation.
ARROWS = {
    "library": set(),
    "segmentation": {"library"},
    "detection": {"library"},
    "nodes": {"library", "segmentation", "detection"},
    "cli": {"library", "segmentation", "detection", "nodes"},
}

ROS = {
    *("ament_index_python", "builtin_interfaces", "cv_bridge", "diagnostic_msgs", "geometry_msgs"),
    *("launch", "launch_ros", "lifecycle_msgs", "rcl_interfaces", "rclpy", "sensor_msgs"),
    *("std_msgs", "std_srvs", "vision_msgs"),
}

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(module: Path) -> Iterator[str]:
    """Yield the dotted name of everything a module imports, `a.b.c` for `from a.b import c`."""
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}: relative imports hide which way an arrow runs"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(module: Path) -> str:
    """Return the part a module belongs to; a foundation module is a part of its own."""
    relative = module.relative_to(PACKAGE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem.removeprefix("__init__")


def imported_parts(module: Path) -> set[str]:
    names = (name.split(".") for name in imports(module))
    own = [name for name in names if name[0] == "automask_ros"]
    parts = {name[1] for name in own if len(name) > 1}
    return {part if part in ARROWS or part in FOUNDATION else "" for part in parts}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_run_one_way(module: Path) -> None:
    part = part_of(module)
    assert part in ARROWS or part in FOUNDATION, f"a new part of the house: {part}"
    allowed = FOUNDATION | {part} | ARROWS.get(part, set())
    assert imported_parts(module) <= allowed


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_nodes_know_ros(module: Path) -> None:
    if part_of(module) != "nodes":
        assert not {name.split(".")[0] for name in imports(module)} & ROS


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_nothing_is_unpickled(module: Path) -> None:
    names = set(imports(module))
    assert not {name.split(".")[0] for name in names} & {"pickle", "dill", "cloudpickle", "shelve"}
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            given = {each.arg: ast.unparse(each.value) for each in node.keywords}
            assert given.get("weights_only") == "True"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False


def test_the_rules_see_what_they_forbid(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text("from automask_ros.detection.training import train\nimport rclpy.node\n")
    assert set(imports(module)) == {"automask_ros.detection.training.train", "rclpy.node"}
    assert imported_parts(module) == {"detection"}
