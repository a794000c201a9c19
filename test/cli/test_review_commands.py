"""Looking, vetoing, masks out and in, and the benchmark: what the commands print, write, return."""

import json

import cv2
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from pycocotools.coco import COCO
from segmentation.promptable_networks import write_sam2

from automask_ros.cli.main import main
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.prompting import load_refiner
from automask_ros.types import Mask, Verdict

SIZE = (96, 128)


def truth(seed) -> np.ndarray:
    pixels = np.zeros(SIZE, np.uint8)
    cv2.circle(pixels, (60 + 4 * seed, 48), 22, 1, -1)
    return pixels.astype(bool)


def picture(seed) -> np.ndarray:
    image = np.random.default_rng(seed).normal(60, 4, (*SIZE, 3))
    image[truth(seed)] = (40, 90, 220)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture
def root(tmp_path):
    """Three mugs; the last one's mask is shifted by half of the object, and refused."""
    library = Library(tmp_path / "lib", create=True)
    for seed in range(3):
        view = library.add_view(
            "mug", picture(seed), captured_at=float(seed), source="test", view_id=f"mug_{seed}"
        )
        pixels = np.roll(truth(seed), 22, axis=1) if seed == 2 else truth(seed)
        verdict = Verdict(seed < 2, 0.9 - 0.3 * seed, () if seed < 2 else ("blurred",))
        library.write_mask(view, Mask(pixels, verdict), fcn="lite")
    return library.root


def run(*arguments) -> int:
    return main([str(each) for each in arguments])


def complaint(capsys) -> str:
    captured = capsys.readouterr()
    assert captured.err.startswith("automask: ") and captured.err.count("\n") == 1
    return captured.err.removeprefix("automask: ").rstrip()


def test_regenerate_makes_the_network_s_masks_anew_and_no_person_s(root, capsys):
    library = Library(root)
    # 1 is a person's; 2 is the network's, shifted: made anew, it lies on the mug.
    drawn = np.roll(truth(1), 5, axis=1)
    library.write_drawn_mask(library.view("mug", "mug_1"), drawn)
    figures = root.parent / "figures.json"
    arguments = ("regenerate", "--library", root, "--no-adapt", "--device", "cpu")
    assert run(*arguments, "--label", "mug", "--view", "mug_2", "--json", figures) == 0
    assert json.loads(figures.read_text())["anew"] == 1
    library = Library(root)
    anew = library.view("mug", "mug_2")
    assert anew.made_by.startswith("lite, ") and mask_iou(library.read_mask(anew), truth(2)) > 0.9
    assert np.array_equal(library.read_mask(library.view("mug", "mug_1")), drawn)
    made_at = {view.id: view.mask_made_at for view in library.views()}

    library.mask_path("mug", "mug_0").unlink()
    assert run(*arguments, "--missing") == 0
    library = Library(root)
    assert mask_iou(library.read_mask(library.view("mug", "mug_0")), truth(0)) > 0.9
    assert library.view("mug", "mug_2").mask_made_at == made_at["mug_2"]

    capsys.readouterr()
    assert run(*arguments, "--label", "mug", "--view", "mug_1") == 2
    assert "the mask of mug_1 was drawn by a person and is not made anew" in complaint(capsys)
    assert run(*arguments, "--view", "mug_1") == 2
    assert "which object? --view and --empty-scene need --label NAME" in complaint(capsys)
    assert run(*arguments, "--label", "mug", "--view", "mug_0", "--missing") == 2
    assert "--missing is for all views without a mask" in complaint(capsys)
    assert run(*arguments, "--label", "mug") == 0
    later = {view.id: view.mask_made_at for view in Library(root).views()}
    assert later["mug_1"] == made_at["mug_1"] and later["mug_2"] > made_at["mug_2"]


def test_veto_and_its_undoing(root, capsys):
    mugs = ("--library", root, "--label", "mug")
    assert run("veto", *mugs, "--view", "mug_0", "--view", "mug_2") == 0
    assert [view.vetoed for view in Library(root).views()] == [True, False, True]
    # The last one was refused before: a veto is said to be one all the same.
    said = [f"view mug_{number} of mug is vetoed: out of training" for number in (0, 2)]
    assert capsys.readouterr().out.splitlines() == said
    figures = root.parent / "vetoed.json"
    assert run("veto", "--library", root, "--list", "--json", figures) == 0
    assert json.loads(figures.read_text())["vetoed"][1] == {"label": "mug", "view": "mug_2"}
    assert capsys.readouterr().out.split() == ["object", "view", "mug", "mug_0", "mug", "mug_2"]
    assert run("veto", *mugs, "--view", "mug_0", "--undo") == 0
    assert capsys.readouterr().out == "view mug_0 of mug is in training\n"
    assert run("veto", *mugs, "--view", "mug_2", "--undo") == 0
    said = "view mug_2 of mug {}; still not used: blurred\n"
    assert capsys.readouterr().out == said.format("has its veto lifted")
    assert run("veto", *mugs, "--view", "mug_2", "--undo") == 0
    assert capsys.readouterr().out == said.format("was not vetoed")
    for arguments, where in (((), ""), (("--label", "mug"), " of mug")):
        assert run("veto", "--library", root, *arguments, "--list") == 0
        assert capsys.readouterr().out == f"no view{where} is vetoed\n"
    assert run("veto", *mugs, "--view", "mug_1", "--view", "nothing") == 2
    assert "has no view nothing of mug" in complaint(capsys)
    assert not Library(root).view("mug", "mug_1").vetoed, "a slip changes nothing"
    assert run("veto", "--library", root) == 2
    assert complaint(capsys) == "which view? give --label NAME --view ID, or --list"
    assert run("veto", *mugs) == 2
    assert complaint(capsys) == "which view? give --view ID as well, or --list"
    assert run("veto", "--library", root, "--view", "mug_0") == 2
    assert complaint(capsys) == "of which object is view mug_0? give --label NAME as well"


def test_report_needs_no_model(root, tmp_path, capsys):
    assert run("report", "--library", root) == 0
    assert str(root / "masks.html") in capsys.readouterr().out
    html = (root / "masks.html").read_text()
    assert html.index("mug: mug_2") < html.index("mug: mug_1") < html.index("mug: mug_0")
    assert run("report", "--library", root, "--label", "cup", "-o", tmp_path / "x.html") == 2
    assert "has no object 'cup'; add views first" in complaint(capsys)
    assert run("report", "--library", root, "-o", tmp_path / "no" / "x.html") == 2
    assert "cannot write" in complaint(capsys)


def test_columns_add_up_to_the_views_and_refused_views_are_named(root, capsys):
    library = Library(root)
    for seed in range(3, 9):
        view = library.add_view(
            "mug", picture(0), captured_at=float(seed), source="test", view_id=f"mug_{seed}"
        )
        reasons = ("no visible edge along 72% of the boundary", "blurred")
        library.write_mask(view, Mask(truth(0), Verdict(False, 0.1, reasons)), fcn="lite")
    library.write_drawn_mask(library.view("mug", "mug_1"), truth(1))
    library.add_view("cup", picture(0), captured_at=0.0, source="test", view_id="cup_0")
    figures = root.parent / "figures.json"
    assert run("report", "--library", root, "--json", figures) == 0
    assert capsys.readouterr().out.splitlines()[:-1] == [
        "object  views  accepted  refused  drawn  vetoed  no mask yet",
        "cup         1         0        0      0       0            1",
        "mug         9         1        7      1       0            0",
        "all        10         1        7      1       0            1",
        "mug: 7 refused, each for one reason or more:",
        "  blurred (7): mug_2, mug_3, mug_4, mug_5, mug_6 and 2 more",
        "  no visible edge along part of the boundary (6): mug_3, mug_4, mug_5, mug_6, mug_7 "
        "and 1 more",
    ]
    counts = json.loads(figures.read_text())["masks"]["mug"]
    assert sum(counts[key] for key in ("accepted", "refused", "drawn", "vetoed", "waiting")) == 9
    assert len(counts["refused_for"]["blurred"]) == 7


def test_masks_go_out_are_redrawn_and_come_back(root, tmp_path, capsys):
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    assert run("export", "--library", root, "-o", out, "--polygons") == 0
    path = out / "annotations.json"
    assert f"3 views, 3 masks: {path}\n" in capsys.readouterr().out
    assert len(COCO(str(path)).anns) == 3
    content = json.loads(path.read_text())
    content["annotations"][2]["segmentation"] = encode_mask(truth(2))
    path.write_text(json.dumps(content))
    capsys.readouterr()
    assert run("import", "--library", root, path, "--json", figures) == 0
    said = "1 masks drawn by a person, 0 new views, 2 masks unchanged\n"
    assert said in capsys.readouterr().out
    assert json.loads(figures.read_text()) == {
        "drawn": 1,
        "added": 0,
        "unchanged": 2,
        "unmatched": [],
        "broken": [],
        "no_mask": [],
    }
    library = Library(root)
    assert library.view("mug", "mug_2").drawn
    assert np.array_equal(library.read_mask(library.view("mug", "mug_2")), truth(2))
    # Into a library that is not there yet, with the pictures.
    other = tmp_path / "other"
    assert run("import", "--library", other, path) == 2
    assert "there is no library" in complaint(capsys)
    capsys.readouterr()
    assert run("import", "--library", other, path, "--images", out / "images") == 0
    said = "1 masks drawn by a person, 3 new views (2 with automatic masks), 0 masks unchanged\n"
    assert said in capsys.readouterr().out
    assert [view.drawn for view in Library(other).views()] == [False, False, True]


def test_a_yolo_set_is_written_and_replaced_when_told(root, tmp_path, capsys):
    out, figures = tmp_path / "out", tmp_path / "figures.json"
    yolo = ("export", "--library", root, "-o", out, "--format", "yolo-seg", "--json", figures)
    assert run(*yolo) == 0
    said = capsys.readouterr().out.splitlines()
    written = json.loads(figures.read_text())
    count = len(Library(root).trainable_views())
    assert written == {"format": "yolo-seg", "views": count, "masks": count, "val": 0}
    assert said[-2] == f"{count} pictures, {count} masks: {out / 'data.yaml'}"
    assert said[-1] == "not split: data.yaml validates on what it trains on; see --val"
    assert len(list((out / "labels" / "train").iterdir())) == count
    assert run(*yolo) == 2
    assert "replace it with --overwrite" in complaint(capsys)
    assert run(*yolo, "--overwrite") == 0
    capsys.readouterr()
    assert run(*yolo, "--overwrite", "--polygons") == 2
    assert "--polygons is for --format coco" in complaint(capsys)
    assert run("export", "--library", root, "-o", out, "--val", "0.2") == 2
    assert "--val is for --format yolo-seg" in complaint(capsys)


def test_an_import_that_fits_nothing_says_so(root, tmp_path, capsys):
    path = tmp_path / "coco.json"
    path.write_text(json.dumps(annotations({f"elsewhere_{n}.png": 0 for n in range(7)})))
    assert run("import", "--library", root, path, "--json", tmp_path / "figures.json") == 2
    error = capsys.readouterr().err.splitlines()
    assert error[-7] == "fits no view: 'elsewhere_0.png', annotated as 'mug'"
    assert error[-2] == "fits no view: 2 more; all of them: --json FILE"
    assert len(json.loads((tmp_path / "figures.json").read_text())["unmatched"]) == 7
    assert error[-1].startswith(f"automask: nothing of {path} was taken: the stem of a file name")


def annotations(seeds) -> dict:
    names = list(enumerate(seeds.items(), start=1))
    return {
        "images": [
            {"id": n, "file_name": name, "width": SIZE[1], "height": SIZE[0]}
            for n, (name, _) in names
        ],
        "categories": [{"id": 1, "name": "mug"}],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "segmentation": encode_mask(truth(seed))}
            for n, (_, seed) in names
        ],
    }


def test_the_worst_masks_are_drawn_against_the_truth(root, tmp_path, capsys):
    coco, sheet = tmp_path / "coco.json", tmp_path / "worst.png"
    coco.write_text(json.dumps(annotations({f"mug_{seed}.jpg": seed for seed in range(3)})))
    arguments = ("evaluate-masks", "--library", root, "--annotations", coco, "--sheet")
    assert run(*arguments, sheet) == 0
    assert f"the worst masks: {sheet}\n" in capsys.readouterr().out
    drawn = cv2.imread(str(sheet))
    assert drawn.shape[1] == 4 + 3 * (384 + 4) and 288 + 30 < drawn.shape[0] < 288 + 120
    # The worst comes first: what its mask lacks is orange, what it has too much is blue.
    first = drawn[4:292, 4:388]
    lacking, extra = first[200, 3 * 60], first[200, 3 * 95]
    assert int(lacking[2]) - int(lacking[0]) > 120 and int(extra[0]) - int(extra[2]) > 120
    # The words lie below the pictures and cover nothing of them: its corners are the photograph's.
    assert np.abs(first[:40, :200].mean(axis=(0, 1)) - 60).max() < 6
    assert (drawn[292:, 4:388] == 255).mean() > 0.7 and (drawn[292:, 4:388] < 100).any()
    assert run("evaluate-masks", "--help") == 0
    assert "Blue: too much, orange: lacking" in " ".join(capsys.readouterr().out.split())
    assert run(*arguments, tmp_path / "worst.jpg") == 2
    assert "must be a PNG" in complaint(capsys)


def write_peer(path, side=320) -> None:
    """A network with U2-Net's one input, that finds red salient; it answers twice, as U2-Net."""
    nodes = [
        helper.make_node("Slice", ["image", "zero", "one", "axis"], ["red"]),
        helper.make_node("Identity", ["red"], ["again"]),
    ]
    values = [("zero", [0]), ("one", [1]), ("axis", [1])]
    graph = helper.make_graph(
        nodes,
        "peer",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, side, side])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 1, side, side])
            for name in ("red", "again")
        ],
        [helper.make_tensor(name, TensorProto.INT64, [1], value) for name, value in values],
    )
    opset = [helper.make_opsetid("", 17)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def test_a_promptable_network_redraws_what_add_keeps(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    cv2.imwrite(str(photos / "mug_0.png"), picture(0))
    refiner = write_sam2(tmp_path)
    library = tmp_path / "lib"
    arguments = ("add", "--library", library, "--label", "mug", photos, "--device", "cpu")
    assert run(*arguments, "--refiner", f"{refiner},more.onnx") == 2
    assert "name two files" in capsys.readouterr().err
    assert run(*arguments, "--refiner", refiner) == 0
    opened = Library(library)
    (view,) = opened.views()
    redrawn = load_refiner(refiner)(picture(0), truth(0))
    # Asked for the same object it answers the same, whatever the automatic mask was like.
    assert np.array_equal(opened.read_mask(view), redrawn)
    assert mask_iou(redrawn, truth(0)) > 0.95


def test_the_benchmark_compares_with_a_peer_in_one_run(tmp_path, capsys):
    photos = tmp_path / "photos"
    photos.mkdir()
    for seed in range(4):
        cv2.imwrite(str(photos / f"mug_{seed}.png"), picture(seed))
    coco, figures, sheet = (tmp_path / name for name in ("coco.json", "rows.json", "sheet.png"))
    coco.write_text(json.dumps(annotations({f"mug_{seed}.png": seed for seed in range(4)})))
    write_peer(tmp_path / "peer.onnx")
    arguments = ("benchmark", "masks", "--images", photos, "--annotations", coco, "--device", "cpu")
    peer = ("--peer", tmp_path / "peer.onnx")
    assert run(*arguments, *peer, "--limit", 3, "--json", figures, "--sheet", sheet) == 0
    ours, theirs = json.loads(figures.read_text())
    assert (ours["name"], theirs["name"]) == ("masks lite", "masks peer")
    assert ours["views"] == theirs["views"] == 3
    for row in (ours, theirs):
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert row["cpu_ms"] > 0
        assert row["ratio"] == pytest.approx(row["p50_ms"] / theirs["p50_ms"])
        assert row["per_label"]["mug"]["mean_iou"] == pytest.approx(row["mean_iou"])
    assert ours["mean_iou"] > 0.9 and ours["share_above_080"] == 1.0
    assert theirs["mean_iou"] > 0.95, "what is red is the object, in these pictures"
    assert set(ours["accepted"]) == {"share", "mean_iou"} and theirs["accepted"] is None
    drawn = cv2.imread(str(sheet))
    assert drawn.shape[1] == 4 + 3 * 388 and drawn.shape[0] > 2 * (288 + 15)
    capsys.readouterr()

    write_peer(tmp_path / "small.onnx", side=64)
    assert run(*arguments, "--peer", tmp_path / "small.onnx") == 2
    assert "but U2-Net takes one image [1, 3, 320, 320]" in complaint(capsys)
    assert run(*arguments, "--peer", tmp_path / "none.onnx") == 2
    assert "there is no peer at" in complaint(capsys)
    assert run(*arguments, "--refiner", "one.onnx") == 2
    assert "name two files, encoder and decoder" in complaint(capsys)


def test_rollback_makes_the_version_before_live_again(tmp_path, capsys):
    library = Library(tmp_path / "lib", create=True)
    record = {
        "architecture": "lite",
        "labels": {"cup": 1},
        "base_model": "lite",
        "image_size": 320,
        "thresholds": {"cup": 0.5},
        "seed": 0,
        "created_at": 1.0,
    }
    arguments = ["rollback", "--library", str(tmp_path / "lib")]
    assert main(arguments) == 2
    assert "no earlier promoted model to roll back to" in capsys.readouterr().err
    for _ in range(2):
        with library.models.stage() as staged:
            library.models.promote(library.models.commit(staged, record), "good enough")
    figures = tmp_path / "figures.json"
    assert main([*arguments, "--json", str(figures)]) == 0
    assert "model version 1 is live again; version 2 is kept" in capsys.readouterr().out
    assert library.models.current() == 1
    assert json.loads(figures.read_text())["version"] == 1
    assert main([*arguments, "--list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[3] for line in shown if "good" in line or "rolled" in line] == [
        "1",
        "2",
        "1",
    ]
    assert library.models.current() == 1
