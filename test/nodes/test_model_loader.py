"""What a message may make the detector load: a version of its own library, and nothing else."""

import os

import pytest
from faults.stranger import make_library
from faults.watch import untouched

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.nodes.model_loader import ModelLoader


@pytest.mark.parametrize(
    "location",
    [
        "{outside}/models/1",
        "{library}/models/../../outside/models/1",
        "{library}/models/7",
        "{library}/models",
        "{library}/models/1/model.onnx",
        "{library}/circle",
        "models/1",
        "/dev/zero",
        "file://{library}/models/1",
        "{library}/models/1\0",
        "x/" * 100_000,
        "",
    ],
)
def test_only_versions_of_the_library_are_loaded(tmp_path, make_node, location):
    root, outside = tmp_path / "library", tmp_path / "outside"
    make_library(root)
    make_library(outside)
    (root / "models" / "7").symlink_to(outside / "models" / "1")
    (root / "circle").symlink_to(root / "circle")
    heard = []
    loader = ModelLoader(make_node(), Library(root), "cpu", "auto", -1.0, 1, heard.append)
    try:
        with (
            untouched(outside),
            pytest.raises(AutomaskError, match="not in the library") as refused,
        ):
            loader.order(location.format(library=root, outside=outside), 99)
        assert str(refused.value).isprintable() and len(str(refused.value)) < 600
        assert loader.loading is None and loader.wait(0.0)
        with pytest.raises(AutomaskError, match=os.fspath(root)):
            loader.order(str(outside), 2**31 - 1)
    finally:
        loader.close()
    assert heard == []
