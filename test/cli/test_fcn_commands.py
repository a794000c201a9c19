"""train-fcn and evaluate-fcn, on a drawn set in SceneParse150's layout and a small VGG16."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from segmentation.drawn_parsing import NAMES, draw_taught, write_set
from segmentation.small_vgg import vgg16_state
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from automask_ros.cli.main import main
from automask_ros.library.coco import encode_mask
from automask_ros.library.library import Library
from automask_ros.segmentation.evaluation import mask_iou
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.mask_generator import MaskGenerator
from automask_ros.segmentation.scene_evaluation import predict_classes
from automask_ros.segmentation.vgg_backbone import VggLayout
from automask_ros.segmentation.vgg_fcn import VggFCN
from automask_ros.types import Mask, Verdict

AUTOMASK = ["-m", "automask_ros.cli.main"]
WIDTHS = VggLayout((8, 12, 16, 24, 24), 32)
VIEWS = 8
# What a network reaches that knows walls, floors and tables, but neither cups nor books: 0.36.
LEARNT = 0.42


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn set, random weights in VGG16's layout, and a library with a taught triangle."""
    root = tmp_path_factory.mktemp("fcn")
    write_set(root, training=24, validation=8)
    save_file(vgg16_state(WIDTHS, seed=1), root / "vgg16.safetensors")
    library = Library(root / "lib", create=True)
    images, annotations = [], []
    for number in range(VIEWS):
        image, pixels = draw_taught(500 + number)
        name, (height, width) = f"triangle_{number}", pixels.shape
        view = library.add_view("triangle", image, captured_at=number, source="drawn", view_id=name)
        library.write_mask(view, Mask(pixels, Verdict(True, 0.9)), fcn="drawn")
        images.append({"id": number, "file_name": f"{name}.png", "width": width, "height": height})
        drawn = {"image_id": number, "category_id": 1, "segmentation": encode_mask(pixels)}
        annotations.append({"id": number + 1, **drawn})
    categories = [{"id": 1, "name": "triangle"}]
    content = {"images": images, "categories": categories, "annotations": annotations}
    (root / "truth.json").write_text(json.dumps(content))
    return root


def training(root: Path, out: Path, *more: str) -> list[str]:
    """Arguments of a training; later ones win."""
    weights = str(root / "vgg16.safetensors")
    options = ["--weights", weights, "--batch-size", "4", "--size", "64", "--learning-rate", "0.02"]
    options += ["--dropout", "0", "--device", "cpu", "--workers", "0"]
    return ["train-fcn", str(root), "-o", str(out), *options, *more]


def environment(threads: int = 1) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}


def checkpoint(out: Path) -> dict[str, torch.Tensor]:
    with safe_open(out / "checkpoint.safetensors", framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def losses(out: Path) -> list[float]:
    curves = EventAccumulator(str(out / "tensorboard"))
    curves.Reload()
    return [event.value for event in curves.Scalars("train/loss")]


@pytest.fixture(scope="module")
def trained(root: Path) -> Path:
    """A training on one process."""
    out = root / "one"
    assert main(training(root, out, "--iterations", "110", "--json", str(root / "one.json"))) == 0
    return out


def test_one_process_learns(root: Path, trained: Path) -> None:
    figures = json.loads((root / "one.json").read_text())
    assert figures["network"] == str(trained / "fcn8s.safetensors")
    iou = {name: stage["validation"]["mean_iou"] for name, stage in figures["stages"].items()}
    assert list(iou) == ["32s", "16s", "8s"]
    assert iou["8s"] > LEARNT
    assert iou["8s"] > iou["32s"] + 0.05  # skips are what they are for


def test_two_processes_learn_the_same(root: Path, trained: Path) -> None:
    out = root / "two"
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node=2", "--standalone"]
    command += [*AUTOMASK, *training(root, out, "--iterations", "110")]
    finished = subprocess.run(command, env=environment(), capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.count("FCN-8s") == 1  # one of them speaks
    assert finished.stdout.count("use it with --fcn") == 1
    figures = json.loads((out / "fcn8s.json").read_text())
    assert figures["validation"]["mean_iou"] > LEARNT
    assert (
        figures["validation"]["pixels"]
        == json.loads((trained / "fcn8s.json").read_text())["validation"]["pixels"]
    )
    # Half a batch each, gradients averaged: the same training but for rounding, which grows.
    alone, together = losses(trained), losses(out)
    assert len(together) == 330
    np.testing.assert_allclose(together[:30], alone[:30], rtol=1e-3)


def test_evaluate_prints_the_four_figures(root: Path, trained: Path, capsys) -> None:
    path = root / "evaluated.json"
    arguments = ["evaluate-fcn", str(root), "--fcn", str(trained / "fcn8s.safetensors")]
    assert main([*arguments, "--device", "cpu", "--json", str(path)]) == 0
    shown = capsys.readouterr().out
    figures = json.loads(path.read_text())
    for key in ("pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou"):
        assert f"{figures[key]:.3f}" in shown
    assert list(figures["per_class"]) == list(NAMES)
    assert figures["scenes"] == 8
    # The file has half precision: the same but for a few pixels.
    during = json.loads((trained / "fcn8s.json").read_text())["validation"]
    assert figures["mean_iou"] == pytest.approx(during["mean_iou"], abs=0.01)


def test_a_killed_training_goes_on_bit_for_bit(root: Path) -> None:
    options = ["--iterations", "30", "--stages", "32s,16s", "--dropout", "0.5", "--seed", "5"]
    assert main(training(root, root / "whole", *options)) == 0
    out = root / "killed"
    arguments = training(root, out, *options, "--save-seconds", "0", "--workers", "1")
    # Sums differ in their last bits with the number of threads that share them.
    same = environment(torch.get_num_threads())
    process = subprocess.Popen([sys.executable, *AUTOMASK, *arguments], env=same)
    deadline = time.monotonic() + 240
    while not (out / "fcn32s.json").is_file():  # within FCN-16s then, or at its beginning
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (out / "fcn16s.json").exists()
    time.sleep(1.1)  # TensorBoard tells its files apart by the second in which they begin
    assert main(training(root, out, *options)) == 0
    expected, found = checkpoint(root / "whole"), checkpoint(out)
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert losses(out) == losses(root / "whole")


def test_interrupted_it_says_how_to_go_on(root: Path) -> None:
    out = root / "interrupted"
    arguments = training(root, out, "--iterations", "100000")
    command = [sys.executable, *AUTOMASK, *arguments, "--save-seconds", "0"]
    with subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 240
        while not (out / "checkpoint.safetensors").is_file():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    last = errors.strip().splitlines()[-1]
    assert last.startswith("automask: stopped at FCN-32s, step ")
    assert last.endswith(f"kept in {out}; go on with the same command")


def test_a_taught_object_is_added_without_scenes(root: Path, trained: Path, capsys) -> None:
    out, path = root / "mine.safetensors", root / "mine.json"
    arguments = ["train-fcn", "--add-library", str(root / "lib"), "-o", str(out)]
    arguments += ["--fcn", str(trained / "fcn8s.safetensors"), "--device", "cpu"]
    arguments += ["--annotations", str(root / "truth.json")]
    arguments += ["--iterations", "60", "--learning-rate", "0.01"]
    assert main([*arguments, "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    before, after = figures["before"], figures["after"]
    assert before["views"] == after["views"] == VIEWS
    assert after["mean_iou"] > before["mean_iou"] + 0.12
    assert [each["id"] for each in after["masks"]] == [f"triangle_{n}" for n in range(VIEWS)]
    assert after["mean_iou"] == pytest.approx(np.mean([each["iou"] for each in after["masks"]]))
    assert "triangle" in capsys.readouterr().out
    network = load_fcn(str(out))
    assert isinstance(network, VggFCN)
    assert network.classes.names == (*NAMES, "triangle")
    # The file is all that is needed, for a view that was not taught as well.
    image, truth = draw_taught(900)
    ious = [
        mask_iou(MaskGenerator(str(path), "cpu")(image).pixels, truth)
        for path in (trained / "fcn8s.safetensors", out)
    ]
    assert ious[1] > ious[0]


def test_a_taught_object_becomes_a_class_among_scenes(root: Path, trained: Path) -> None:
    out = root / "mixed"
    arguments = training(root, out, "--iterations", "100", "--add-library", str(root / "lib"))
    del arguments[4:6]  # --weights
    assert main([*arguments, "--fcn", str(trained / "fcn8s.safetensors")]) == 0
    network = load_fcn(str(out / "fcn8s.safetensors"))
    assert isinstance(network, VggFCN)
    ious = []
    for number in range(900, 904):
        image, truth = draw_taught(number)
        ious.append(
            mask_iou(predict_classes(network, image) == network.classes.number("triangle"), truth)
        )
    assert np.mean(ious) > 0.4
    kept = json.loads((out / "fcn8s.json").read_text())["validation"]
    before = json.loads((trained / "fcn8s.json").read_text())["validation"]
    assert kept["mean_iou"] > before["mean_iou"] - 0.05


def test_lite_is_adapted_as_well(root: Path, tmp_path: Path) -> None:
    library = Library(tmp_path / "lib", create=True)
    for number in range(2):
        image, pixels = draw_taught(500 + number)
        image = cv2.resize(image, (96, 72))
        pixels = cv2.resize(pixels.astype(np.uint8), (96, 72), interpolation=cv2.INTER_NEAREST)
        view = library.add_view("triangle", image, captured_at=number, source="drawn")
        library.write_mask(view, Mask(pixels.astype(bool), Verdict(True, 0.9)), fcn="drawn")
    out, path = tmp_path / "mine.safetensors", tmp_path / "mine.json"
    arguments = ["train-fcn", "--add-library", str(library.root), "-o", str(out), "--device", "cpu"]
    assert main([*arguments, "--iterations", "2", "--json", str(path)]) == 0
    figures = json.loads(path.read_text())
    assert figures["fcn"] == "lite"
    assert figures["after"]["per_label"]["triangle"]["views"] == 2
    assert figures["after"]["mean_iou"] is None
    changed = [
        not torch.equal(new, old)
        for new, old in zip(
            load_fcn(str(out)).state_dict().values(),
            load_fcn("lite").state_dict().values(),
            strict=True,
        )
    ]
    assert any(changed)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["train-fcn", "-o", "{tmp}/out"],
            "give the folder ADEChallengeData2016, or --add-library",
        ),
        (["train-fcn", "{tmp}", "-o", "{tmp}/out"], "get ADEChallengeData2016.zip from http"),
        (["evaluate-fcn", "{tmp}", "--fcn", "lite"], "get ADEChallengeData2016.zip from http"),
        (["evaluate-fcn", "{set}", "--fcn", "lite"], "fcn lite knows no classes of scenes"),
        (["evaluate-fcn", "{set}", "--fcn", "vgg16"], "train it (automask train-fcn DATA -o OUT)"),
        (["train-fcn", "{set}", "-o", "{tmp}/out", "--stages", "4s"], "takes 32s, 16s and 8s"),
        (["train-fcn", "{set}", "-o", "{tmp}/out", "--stages", "fine"], "give 32s, 16s and 8s"),
        (
            ["train-fcn", "{set}", "-o", "{tmp}/out", "--objects", "spoon"],
            "--objects spoon: the data set has no such class",
        ),
        (["train-fcn", "{set}", "-o", "{tmp}/out"], "no ImageNet weights for VGG16"),
        (
            ["train-fcn", "{set}", "-o", "{tmp}/out", "--add-library", "{set}/../lib"],
            "fcn lite knows no classes of scenes: leave the data set out",
        ),
        (["train-fcn", "{set}", "-o", "{tmp}/out", "--fcn", "lite"], "--add-library starts from"),
        (
            ["train-fcn", "-o", "{tmp}/out", "--add-library", "{set}/../lib", "--stages", "8s"],
            "leave out --weights, --stages, --objects",
        ),
        (
            ["train-fcn", "{set}", "-o", "{tmp}/out", "--annotations", "{set}/../truth.json"],
            "--annotations measure --add-library without DATA",
        ),
        (
            ["train-fcn", "-o", "{tmp}/out", "--add-library", "{set}/../lib"],
            "give the network a file name, such as mine.safetensors",
        ),
        (
            [
                "train-fcn",
                "-o",
                "{tmp}/a.safetensors",
                "--add-library",
                "{set}/../lib",
                "--size",
                "9",
            ],
            "--size is for the training on scenes",
        ),
    ],
)
def test_bad_input_is_one_line(
    root: Path, tmp_path: Path, monkeypatch, capsys, arguments: list[str], message: str
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # nobody listens
    places = {"tmp": tmp_path, "set": root / "ADEChallengeData2016"}
    assert main([argument.format(**places) for argument in arguments]) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if "curves:" not in line]
    assert len(lines) == 1
    assert lines[0].startswith("automask: ") and message in lines[0]
