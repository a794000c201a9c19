"""Two robots, a workstation that learns from both, and its model back on both."""

import json
import os

import pytest
from integration.stored_models import store_model
from library.small_library import mask_pixels, picture
from safetensors.numpy import save

from automask_ros.cli.main import main
from automask_ros.library.library import Library
from automask_ros.library.version_files import version_digests
from automask_ros.types import Mask, Verdict


def robot(root, label, seed) -> Library:
    library = Library(root, create=True)
    for number in range(2):
        view = library.add_view(
            label, picture(seed + number), captured_at=1.0 + number, source="/camera/image"
        )
        library.write_mask(view, Mask(mask_pixels(number), Verdict(True, 0.9)), fcn="lite")
    return library


def test_views_of_two_robots_become_a_model_of_both(tmp_path, capsys):
    robots = [robot(tmp_path / "robot_1", "mug", 0), robot(tmp_path / "robot_2", "cup", 10)]
    roots = [str(each.root) for each in robots]
    workshop, figures = str(tmp_path / "workshop"), tmp_path / "figures.json"
    arguments = ["fetch", "views", "--library", workshop, *roots, "--json", str(figures)]
    assert main(arguments) == 0
    found = json.loads(figures.read_text())
    assert [found[root]["added"] for root in roots] == [2, 2]
    assert f"{roots[0]}: 2 views taken, 0 were here already" in capsys.readouterr().out
    library = Library(workshop)
    assert len(library.trainable_views("mug")) == len(library.trainable_views("cup")) == 2

    library.models.class_ids(["mug"])
    version = store_model(library, None)  # as a training stores it; it calls everything cup
    detectors = [each.models for each in robots]  # what running ones watch, opened before
    for each, models in zip(robots, detectors, strict=True):
        seen = models.database_version()
        line = ["fetch", "model", "--library", str(each.root), workshop, "--json", str(figures)]
        assert main(line) == 0
        assert models.current() == json.loads(figures.read_text())["version"] == version == 1
        assert models.database_version() == seen + 1
        assert os.readlink(each.root / "models/current") == "1"
        assert models.record(1).labels == {"cup": 2}
        assert models.known_class_ids() == {"mug": 1, "cup": 2}
        assert models.record(1).files == version_digests(library.models.directory(version))
        assert "version 1 of" in capsys.readouterr().out
        assert main(line) == 0
        assert models.database_version() == seen + 1, "once more is no news"
        assert "was here already as version 1, and is live" in capsys.readouterr().out


@pytest.mark.parametrize("fault", ["no weights", "other ids"])
def test_a_model_that_cannot_be_used_never_goes_live(tmp_path, capsys, fault):
    workshop = Library(tmp_path / "workshop", create=True)
    number = store_model(workshop, None)
    with workshop.models.stage() as staged:
        weights = (workshop.models.directory(number) / "model.safetensors").read_bytes()
        (staged / "model.safetensors").write_bytes(
            weights if fault == "other ids" else save({"weights": picture(0)})
        )
        labels = {"cup": 7} if fault == "other ids" else {"cup": 1}
        record = workshop.models.record(number).model_dump() | {"labels": labels}
        workshop.models.promote(workshop.models.commit(staged, record), "for a test")
    home = Library(tmp_path / "home", create=True)
    assert main(["fetch", "model", "--library", str(home.root), str(workshop.root)]) == 2
    said = capsys.readouterr().err
    assert "automask: model version 2 of" in said.splitlines()[-1]
    assert "cannot be used: " in said.splitlines()[-1]
    assert (".staging" in said, home.models.versions(), home.models.current()) == (False, [], None)


def test_a_clash_of_class_ids_is_told_with_the_way_out(tmp_path, capsys):
    one, two = robot(tmp_path / "one", "mug", 0), robot(tmp_path / "two", "cup", 10)
    for library, label in ((one, "mug"), (two, "cup")):
        library.models.class_ids([label])
    workshop = str(tmp_path / "workshop")
    assert main(["fetch", "views", "--library", workshop, str(one.root), str(two.root)]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == (
        "automask: class id 1 is mug here and cup there: a model trained here cannot go into that "
        "library, but into an empty one on that robot"
    )


def test_a_library_that_is_not_there_makes_none(tmp_path, capsys):
    line = ["fetch", "views", "--library", str(tmp_path / "new"), str(tmp_path / "nowhere")]
    assert main(line) == 2
    assert "no library at" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("version", [[], ["--version", "3"]])
def test_a_model_that_is_not_there_makes_no_library(tmp_path, capsys, version):
    robot(tmp_path / "robot", "mug", 0)
    line = ["fetch", "model", "--library", str(tmp_path / "new"), str(tmp_path / "robot"), *version]
    assert main(line) == 2
    said = capsys.readouterr().err
    assert ("no model version 3" if version else "has no promoted model") in said
    assert not (tmp_path / "new").exists()
