"""automask benchmark detection: a row for each contestant, all on the same pictures."""

import json

import cv2
import pytest
from detection.drawn_views import draw_view

from automask_ros.cli.main import main


@pytest.fixture()
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(2):
        cv2.imwrite(str(folder / f"{number}.png"), draw_view("disc", number)[0])
    return folder


def test_ours_beside_torchvision_and_its_export(pictures, tmp_path, capsys):
    path = tmp_path / "figures.json"
    options = ["--untrained", "resnet50", "--pictures", "2", "--rounds", "1", "--device", "cpu"]
    assert main(["benchmark", "detection", str(pictures), *options, "--json", str(path)]) == 0
    rows = {row["name"]: row for row in json.loads(path.read_text())}
    assert list(rows) == [
        "ours, ONNX Runtime",
        "ours, torch",
        "torchvision",
        "ONNX Runtime on torchvision's export",
        "torchvision's Mask R-CNN at its defaults",
    ]
    assert rows["ours, ONNX Runtime"]["ratio"] == 1.0
    for row in rows.values():
        assert row["pictures"] == 2
        assert list(row["stages"]) == ["convert", "infer", "paste", "overhead"]
        for times in (row, *row["stages"].values()):
            assert 0 < times["p50_ms"] <= times["p95_ms"] <= times["p99_ms"]
        # Two pictures: medians are means, and add up.
        parts = sum(row["stages"][name]["p50_ms"] for name in ("infer", "overhead"))
        assert parts == pytest.approx(row["p50_ms"])
    assert rows["ours, ONNX Runtime"]["detections"] > 1
    # The same weights and settings: the same objects.
    assert rows["ours, torch"]["agreement"] > 0.95
    assert rows["torchvision"]["agreement"] > 0.8
    printed = capsys.readouterr().out
    assert printed.count("ours, ONNX Runtime") == 2
    assert "all but infer" in printed and "rgb8" in printed


def test_one_model_has_to_be_named(pictures, capsys):
    assert main(["benchmark", "detection", str(pictures)]) == 2
    assert "give either --library or --untrained" in capsys.readouterr().err
