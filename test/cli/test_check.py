"""automask check: what it says of a library and of a recording, and its exit code."""

import json
import os
import time

import pytest
from library.bags import compressed, write_bag
from library.small_library import fill, picture

from automask_ros.cli.main import main


@pytest.fixture
def root(tmp_path):
    return fill(tmp_path / "library", models=0).root


def run(*arguments):
    return main([str(each) for each in arguments])


def test_a_whole_library(root, tmp_path, capsys):
    assert run("check", root, "--json", tmp_path / "a.json") == 0
    said = capsys.readouterr().out
    assert said == f"{root}: all is whole (8 views, 8 masks, 2 jobs looked at)\n"
    assert json.loads((tmp_path / "a.json").read_text()) == {
        "whole": True,
        "counts": {"views": 8, "masks": 8, "jobs": 2},
        "findings": [],
        "left_behind": [],
        "repaired": [],
    }


def test_each_thing_is_a_line_and_repaired(root, tmp_path, capsys):
    image = root / "objects/mug/views/view_1.png"
    image.write_bytes(image.read_bytes()[:-20])
    mask = root / "objects/can/masks/view_0.png"
    mask.write_bytes(b"")
    assert run("check", root, "--json", tmp_path / "a.json") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "objects/can/masks/view_0.png is empty; --repair moves it aside, and a new one is made",
        "objects/mug/views/view_1.png is damaged: its data breaks off; the view cannot be used: "
        "--repair moves it aside; show this side anew",
        f"{root}: 2 things are not whole (8 views, 8 masks, 2 jobs looked at); put it right: "
        f"automask check {root} --repair",
    ]
    found = json.loads((tmp_path / "a.json").read_text())
    assert not found["whole"]
    assert found["findings"][0]["file"] == "objects/can/masks/view_0.png"
    assert found["findings"][0]["fault"] == "is empty"
    assert run("check", root, "--repair", "--json", tmp_path / "a.json") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("repaired: objects/can/masks/view_0.png is empty; moved to damaged/")
    assert lines[-1] == f"{root}: all is whole (7 views, 6 masks, 2 jobs looked at)"
    moved = json.loads((tmp_path / "a.json").read_text())["repaired"][1]["moved"]
    assert [name.partition("Z/")[2] for name in moved] == [
        "objects/mug/views/view_1.png",
        "objects/mug/views/view_1.json",
        "objects/mug/masks/view_1.png",
    ]
    note = json.loads((root / (moved[0] + ".note.json")).read_text())
    assert note["file"] == "objects/mug/views/view_1.png"
    assert note["why"] == "view_1.png is damaged: its data breaks off"
    assert note["moved_at"].startswith("20")
    assert run("check", root) == 0


def test_what_a_person_changes_is_no_damage(root, capsys):
    record = root / "objects/mug/views/view_1.json"
    lines = record.read_text().splitlines()
    assert '"vetoed": false,' in lines[-3] and "checksum" in lines[-2]
    record.write_text("\n".join([*lines[:-3], '  "vetoed": true', "}"]))
    os.replace(root / "objects/can/masks/view_1.png", root / "objects/mug/masks/view_1.png")
    assert run("check", root) == 0
    record.write_text("\n".join([*lines[:-3], '  "vetoed": true,', lines[-2], "}"]))
    capsys.readouterr()
    assert run("check", root) == 1
    assert "view_1.json is changed by hand or damaged; its content" in capsys.readouterr().out
    assert run("check", root, "--repair") == 0
    assert '"vetoed": true' in record.read_text()
    assert run("check", root) == 0


def test_what_killed_processes_left_behind_is_told_and_no_fault(root, capsys):
    old = time.time() - 7200
    for name in ("objects/mug/views/lonely.png", "jobs/.job-0003.json.1-a.tmp"):
        (root / name).write_bytes(b"x")
        os.utime(root / name, (old, old))
    assert run("check", root) == 0
    said = capsys.readouterr().out
    assert "left behind: objects/mug/views/lonely.png has no record" in said
    assert "left behind: jobs/.job-0003.json.1-a.tmp was left behind by a process" in said
    assert run("check", root, "--repair") == 0
    assert not (root / "jobs/.job-0003.json.1-a.tmp").exists()
    (aside,) = (root / "damaged").glob("*/objects/mug/views/lonely.png")
    assert aside.read_bytes() == b"x"


def test_no_library(tmp_path, capsys):
    assert run("check", tmp_path) == 2
    said = capsys.readouterr().err
    assert said.startswith("automask: there is no library at ") and said.count("\n") == 1


def test_a_recording(tmp_path, capsys):
    bag = write_bag(
        tmp_path / "bag", [("/i", compressed(picture(n), n + 1.0, "png")) for n in range(5)]
    )
    assert run("check", bag) == 0
    assert capsys.readouterr().out == f"{bag}: 5 of 5 pictures on /i can be read; all is whole\n"
    (file,) = bag.glob("*.mcap")
    file.write_bytes(file.read_bytes()[:20_000])
    assert run("check", bag, "--json", tmp_path / "a.json") == 1
    said = capsys.readouterr().out.splitlines()
    assert "bag is damaged or no rosbag2 recording" in said[0]
    figures = json.loads((tmp_path / "a.json").read_text())
    assert figures["readable"] == 3 and not figures["whole"]
    assert said[1] == f"{bag}: 3 of 3 pictures on /i can be read"
    assert run("check", bag, "--repair") == 2
    assert "--repair is for libraries" in capsys.readouterr().err
