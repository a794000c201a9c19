"""What a message may make the detector load: a version of its own library, and nothing else."""

import errno
import os
import threading
from types import SimpleNamespace

import pytest
import rclpy
from faults.stranger import make_library
from faults.watch import untouched

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.nodes import model_loader
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


def test_what_is_promoted_while_it_looks_is_seen_the_next_time(tmp_path, make_node, monkeypatch):
    root = tmp_path / "library"
    make_library(root)
    library = Library(root)
    models = library.models
    loader = ModelLoader(make_node(), library, "cpu", "auto", -1.0, 1, lambda _: None)
    orders = []
    monkeypatch.setattr(loader, "_order", orders.append)
    current = models.current

    def promoted_just_after():
        found = current()
        monkeypatch.setattr(models, "current", current)
        models.promote(found, "meanwhile")
        return found

    monkeypatch.setattr(models, "current", promoted_just_after)
    try:
        for _ in range(3):
            loader.order_current()
    finally:
        loader.close()
    assert [each.database_version for each in orders] == [models.database_version()]


def test_who_waits_for_a_model_ends_with_the_node(tmp_path, make_node, monkeypatch):
    root = tmp_path / "library"
    make_library(root)
    node = make_node()
    loading, over = threading.Event(), threading.Event()

    def load(_):
        loading.set()
        over.wait()

    loader = ModelLoader(node, Library(root), "cpu", "auto", -1.0, 1, lambda _: None)
    monkeypatch.setattr(loader, "_load", load)
    try:
        loader.order_current()
        loading.wait()
        assert not loader.wait(0.3)
        threading.Timer(0.3, lambda: rclpy.shutdown(context=node.context)).start()
        assert not loader.wait(3600.0)
    finally:
        over.set()
        loader.close()


def test_a_library_that_cannot_be_read_for_a_while_ends_nothing(tmp_path, make_node, monkeypatch):
    root = tmp_path / "library"
    make_library(root)
    library = Library(root)
    heard = []
    loader = ModelLoader(make_node(), library, "cpu", "auto", -1.0, 1, heard.append)

    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    def load(order):
        runtime = SimpleNamespace(name="a stand-in")
        return SimpleNamespace(version=order.version, predictor=SimpleNamespace(runtime=runtime))

    try:
        with monkeypatch.context() as patched:
            patched.setattr(loader, "_load", fail)
            patched.setattr(type(library.models), "fault", fail)
            loader.order(str(library.models.directory(1)), library.models.database_version())
            assert loader.wait(60.0)
            assert "does not load: " in loader.problem and not heard
        monkeypatch.setattr(model_loader, "RETRY_PERIOD", 0.0)
        monkeypatch.setattr(loader, "_load", load)
        loader.order_current()
        assert loader.wait(60.0)
        assert [model.version for model in heard] == [2] and loader.problem is None
    finally:
        loader.close()
