"""Real models whose files are damaged: found, the one before is live, and it detects."""

import os
import shutil

import numpy as np
import pytest
from integration.drawn_objects import view
from integration.stored_models import store_model

from automask_ros.detection.load_check import load_fault
from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.check import check_library, repair_library
from automask_ros.library.digests import file_digest
from automask_ros.library.library import Library
from automask_ros.library.records import ModelRecord, read_record, write_record


@pytest.fixture(scope="module")
def pristine(tmp_path_factory, soak):
    """A library with two versions that detect; graphs take long to make and come in long runs."""
    library = Library(tmp_path_factory.mktemp("pristine") / "library", create=True)
    picture = view("cup", 0)[0]
    for size in (160, 192):
        store_model(library, picture if soak else None, image_size=size)
    return library.root


@pytest.fixture
def root(pristine, tmp_path):
    return shutil.copytree(pristine, tmp_path / "library", copy_function=os.link, symlinks=True)


def replace(path, data):
    path.unlink()
    path.write_bytes(data)


def flipped(data, random):
    place = int(random.integers(len(data)))
    return data[:place] + bytes((data[place] ^ 1 << int(random.integers(8)),)) + data[place + 1 :]


def detections(library):
    predictor = Predictor.from_version(library, device="cpu")
    return predictor.version, len(predictor(view("cup", 3)[0]))


def test_damage_is_found_and_the_model_before_detects(root, pristine, soak):
    assert check_library(root, load_fault).findings == []
    assert not soak or detections(Library(root))[0] == 2
    random = np.random.default_rng(0)
    names = ["model.safetensors", *(["model.onnx"] if soak else [])]
    for turn in range(40 if soak else 1):
        path = root / "models/2" / names[turn % len(names)]
        data = path.read_bytes()
        cut = data[: int(random.integers(len(data)))]
        broken = cut if turn // len(names) % 2 else flipped(data, random)
        replace(path, broken)
        (found,) = check_library(root).findings
        assert (found.path, found.fault) == (path, "is not the file that was written")
        library = Library(root)
        assert library.models.current() == 1
        with pytest.raises(AutomaskError, match="model version 2 is damaged: model"):
            Predictor.from_version(library, 2)
        done, after = repair_library(root)
        assert len(done) == 1 and after.findings == []
        assert (root / done[0].moved[0] / path.name).read_bytes() == broken
        version, found = detections(Library(root))
        assert version == 1 and found >= 1
        shutil.rmtree(root)
        shutil.copytree(pristine, root, copy_function=os.link, symlinks=True)


def test_whole_files_that_do_not_load_are_found(root):
    weights = root / "models/2/model.safetensors"
    replace(weights, weights.read_bytes()[:-1000])
    record = read_record(weights.parent / "model.json", ModelRecord)
    files = {**record.files, weights.name: file_digest(weights)}
    write_record(weights.parent / "model.json", record.model_copy(update={"files": files}))
    assert check_library(root).findings == []
    (done,), after = repair_library(root, load_fault)
    assert done.finding.path == root / "models/2"
    assert done.finding.fault.startswith("does not load: ")
    assert after.findings == []
    assert Library(root).models.current() == 1
