"""The commands on real files: what they print, write and return."""

import json
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest
from library.bags import camera_info, raw, write_bag
from library.test_view_selector import turntable

from automask_ros.cli.main import main
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f"mug_{number}.png"), disc(number))
    return folder


def disc(seed: int) -> np.ndarray:
    """A bright disc on a dark table."""
    random = np.random.default_rng(seed)
    image = random.normal(60, 4, (96, 128, 3))
    cv2.circle(image, (64 + seed, 48), 24, (40, 90, 220), -1)
    return np.clip(image, 0, 255).astype(np.uint8)


def truth(seed: int) -> np.ndarray:
    pixels = np.zeros((96, 128), np.uint8)
    cv2.circle(pixels, (64 + seed, 48), 24, 1, -1)
    return pixels.astype(bool)


def complaint(capsys) -> str:
    """The one line on stderr, of a command that said nothing else."""
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("automask: ")
    assert captured.err.endswith("\n") and captured.err.count("\n") == 1
    return captured.err.removeprefix("automask: ").rstrip()


def test_add_makes_views_and_masks(tmp_path, photos, capsys):
    library, figures = tmp_path / "lib", tmp_path / "figures.json"
    arguments = ["add", "--library", str(library), "--label", "mug", str(photos)]
    assert main([*arguments, "--device", "cpu", "--json", str(figures)]) == 0
    assert "views of mug: 3 new\n" in capsys.readouterr().out
    written = json.loads(figures.read_text())
    assert written["views"] == {"added": 3, "already_there": 0}
    assert written["masks"]["mug"]["masks"] == 3
    assert set(written["seconds"]) == {"capture", "masks", "total"}
    views = Library(library).views("mug")
    assert [view.id for view in views] == ["mug_0", "mug_1", "mug_2"]
    assert all(view.verdict is not None for view in views)
    assert main([*arguments, "--device", "cpu"]) == 0
    assert "views of mug: 0 new, 3 already there\n" in capsys.readouterr().out
    assert Library(library).views("mug") == views


def test_add_resumes_where_it_was_stopped(tmp_path, photos):
    """A view without a mask, from whatever cause, gets one at the next run."""
    library = Library(tmp_path / "lib", create=True)
    library.add_view("mug", disc(7), captured_at=1.0, source="before", view_id="before")
    arguments = ["add", "--library", str(library.root), "--label", "mug", "--device", "cpu"]
    assert main([*arguments, str(photos)]) == 0
    assert library.views_without_mask() == []
    assert len(library.views()) == 4


def test_glob_and_broken_files(tmp_path, photos, capsys):
    cv2.imwrite(str(photos / "can_0.png"), disc(5))
    (photos / "mug_1.png").write_bytes(b"nonsense")
    arguments = ["add", "--library", str(tmp_path / "lib"), "--label", "mug", str(photos)]
    assert main([*arguments, "--glob", "mug_*", "--device", "cpu"]) == 0
    captured = capsys.readouterr()
    assert "views of mug: 2 new, 1 unreadable\n" in captured.out
    assert f"left out: {photos}/mug_1.png is no JPEG, PNG, BMP or WebP image" in captured.err


def test_add_from_a_recording(tmp_path, capsys):
    messages = [("/camera/camera_info", camera_info(1.0))]
    messages += [("/camera/image", raw(turntable(n), 1.0 + n / 10)) for n in (0, 0, 5)]
    bag = write_bag(tmp_path / "cup", messages)
    library = tmp_path / "lib"
    arguments = ["add", "--library", str(library), "--label", "cup", "--device", "cpu", str(bag)]
    assert main(arguments) == 0
    assert "views of cup: 2 new, 1 same view again\n" in capsys.readouterr().out
    views = Library(library).views("cup")
    assert [view.id for view in views] == ["cup_0000", "cup_0002"]
    assert views[0].camera["k"][0] == 500.0


@pytest.mark.parametrize("command", ["teach", "add"])
@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("--fcn", "nowhere.safetensors", "nowhere.safetensors"),
        ("--refiner", "a.onnx,b.onnx", "a.onnx"),
        ("--empty-scene", "no.png", "cannot read no.png"),
    ],
)
def test_a_wrong_option_is_said_before_anything_is_added(
    command, option, value, remedy, tmp_path, photos, capsys
):
    library = tmp_path / "lib"
    arguments = [command, "--library", str(library), "--label", "mug", str(photos)]
    assert main([*arguments, option, value]) == 2
    assert remedy in complaint(capsys)
    assert not library.exists()


def test_a_clash_of_names_is_said_and_the_rest_is_added(tmp_path, photos, capsys):
    arguments = ["add", "--library", str(tmp_path / "lib"), "--label", "mug", "--no-adapt"]
    assert main([*arguments, str(photos)]) == 0
    cv2.imwrite(str(photos / "mug_1.png"), disc(7))
    cv2.imwrite(str(photos / "mug_9.png"), disc(9))
    capsys.readouterr()
    assert main([*arguments, str(photos)]) == 0
    captured = capsys.readouterr()
    assert "1 new, 2 already there, 1 of a name that another picture has\n" in captured.out
    assert "left out: mug already has another picture as view mug_1" in captured.err
    assert len(Library(tmp_path / "lib").views("mug")) == 4


@pytest.mark.parametrize("command", ["teach", "add"])
@pytest.mark.parametrize("label", ["../x", "", "Mug", "ü", "a" * 65])
def test_a_bad_label_touches_nothing(command, label, tmp_path, photos, capsys):
    library = tmp_path / "lib"
    assert main([command, "--library", str(library), "--label", label, str(photos)]) == 2
    assert "is not usable: take 1 to 64 lower-case letters" in complaint(capsys)
    assert not library.exists()


def test_bad_sources_touch_nothing(tmp_path, photos, capsys):
    def refused(source, *more) -> str:
        library = tmp_path / "lib"
        arguments = ["teach", "--library", str(library), "--label", "mug", str(source), *more]
        assert main(arguments) == 2
        assert not library.exists()
        return complaint(capsys)

    missing = tmp_path / "nothing.mcap"
    assert refused(missing) == f"there is no folder of images and no recording at {missing}"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert refused(empty).startswith(f"the folder {empty} holds no image (.jpg, .jpeg, .png")
    assert "none of the 3 images in" in refused(photos, "--glob", "x*")
    bag = write_bag(tmp_path / "bag", [("/camera_info", camera_info(1.0))])
    assert refused(bag).endswith("has no image topic; it has: /camera_info")
    (bag / "bag.mcap").write_bytes(b"\0" * 100)
    assert f"the recording {bag} is damaged or no rosbag2 recording" in refused(bag)
    assert refused(photos, "--topic", "/image").startswith("--topic is for recordings")


def test_a_folder_of_nothing_but_damage(tmp_path, photos, capsys):
    for path in photos.iterdir():
        path.write_bytes(path.read_bytes()[:60])
    library = tmp_path / "new" / "lib"
    arguments = ["add", "--library", str(library), "--label", "mug", str(photos)]
    assert main(arguments) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("automask: none of the 3 pictures can be read; the first: ")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["photos"], "something was left"


def test_unwritable_figures_are_found_before_the_work(tmp_path, photos, capsys):
    library = str(tmp_path / "lib")
    arguments = ["add", "--library", library, "--label", "mug", str(photos), "--json"]
    assert main([*arguments, str(tmp_path / "no" / "x.json")]) == 2
    assert "its folder does not exist" in complaint(capsys)
    assert main([*arguments, str(tmp_path)]) == 2
    assert "it is a folder" in complaint(capsys)
    assert not (tmp_path / "lib").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train"],
        ["rollback"],
        ["evaluate", "--images", "x", "--annotations", "x.json"],
        ["evaluate-masks", "--annotations", "x.json"],
        ["detect", "x", "--output", "y"],
    ],
)
def test_a_missing_library_is_one_line(arguments, tmp_path, capsys):
    assert main([*arguments, "--library", str(tmp_path / "lib")]) == 2
    assert complaint(capsys).startswith(f"there is no library at {tmp_path / 'lib'}")


def test_nothing_to_train_on_and_no_model(tmp_path, photos, capsys):
    library = tmp_path / "lib"
    Library(library, create=True)
    assert main(["train", "--library", str(library)]) == 2
    assert capsys.readouterr().err.startswith("automask: ")
    arguments = ["detect", "--library", str(library), str(photos), "--output", str(tmp_path / "o")]
    assert main(arguments) == 2
    assert "no promoted model" in complaint(capsys)
    assert not (tmp_path / "o").exists()


def annotated(path, seeds) -> None:
    content = {
        "images": [
            {"id": seed + 1, "file_name": f"mug_{seed}.png", "width": 128, "height": 96}
            for seed in seeds
        ],
        "categories": [{"id": 1, "name": "mug"}],
        "annotations": [
            {
                "id": seed + 1,
                "image_id": seed + 1,
                "category_id": 1,
                "segmentation": encode_mask(truth(seed)),
            }
            for seed in seeds
        ],
    }
    path.write_text(json.dumps(content))


def test_evaluate_masks_gives_the_figures(tmp_path, capsys):
    library = Library(tmp_path / "lib", create=True)
    for seed, (score, accepted) in enumerate([(0.9, True), (0.3, False)]):
        view = library.add_view(
            "mug", disc(seed), captured_at=float(seed), source="test", view_id=f"mug_{seed}"
        )
        pixels = truth(seed) if accepted else truth(seed) & (np.arange(128) < 64 + seed)
        library.write_mask(view, Mask(pixels, Verdict(accepted, score)), fcn="lite")
    library.add_view("mug", disc(2), captured_at=2.0, source="test", view_id="mug_2")
    annotated(tmp_path / "truth.json", range(3))
    figures = tmp_path / "figures.json"
    arguments = ["--library", str(library.root), "--annotations", str(tmp_path / "truth.json")]
    assert main(["evaluate-masks", *arguments, "--json", str(figures)]) == 0
    written = json.loads(figures.read_text())
    half = (truth(1) & (np.arange(128) < 65)).sum() / truth(1).sum()
    assert written["views"] == 3
    assert written["mean_iou"] == pytest.approx((1 + half + 0) / 3)
    assert written["share_above_080"] == pytest.approx(1 / 3)
    assert written["accepted"] == {"share": pytest.approx(1 / 3), "mean_iou": 1.0}
    assert written["spearman"] == pytest.approx(1.0)
    assert written["per_label"] == {"mug": {"mean_iou": pytest.approx((1 + half) / 3)}}
    assert "3 views, 33.3% above IoU 0.80" in capsys.readouterr().out


def test_evaluate_masks_with_bad_annotations(tmp_path, capsys):
    Library(tmp_path / "lib", create=True)
    path = tmp_path / "truth.json"
    path.write_text("[]")
    arguments = ["evaluate-masks", "--library", str(tmp_path / "lib"), "--annotations", str(path)]
    assert main(arguments) == 2
    assert complaint(capsys).startswith(f"{path} is no COCO file")


def test_an_interrupted_command_says_so_and_leaves_whole_views(tmp_path):
    photos = tmp_path / "many"
    photos.mkdir()
    image = disc(0)
    for number in range(3000):
        image[0, 0] = divmod(number, 256) + (0,)
        cv2.imwrite(str(photos / f"a{number}.png"), image)
    library = tmp_path / "lib"
    command = [sys.executable, "-m", "automask_ros.cli.main", "add", "--library", str(library)]
    running = subprocess.Popen(
        [*command, "--label", "mug", str(photos)], stderr=subprocess.PIPE, text=True
    )
    views = library / "objects" / "mug" / "views"
    while not (views.is_dir() and len(list(views.glob("*.json"))) >= 5):
        assert running.poll() is None
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Traceback" not in errors
    assert errors.rstrip().splitlines()[-1].startswith("automask: interrupted; ")
    opened = Library(library)
    assert 5 <= len(opened.views()) < 3000
    for view in opened.views()[-3:]:
        assert np.array_equal(opened.read_image(view), cv2.imread(view.source))
