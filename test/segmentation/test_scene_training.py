"""The training loop: what it writes, what it goes on from, what it refuses; in one process."""

import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from segmentation.drawn_parsing import NAMES, write_set
from segmentation.small_vgg import SMALL, small_fcn
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.interruption import Interruption
from automask_ros.segmentation.processes import Processes, choose_device, joined
from automask_ros.segmentation.scene_classes import choose_objects
from automask_ros.segmentation.scene_config import SceneTrainConfig
from automask_ros.segmentation.scene_parsing import SceneParsing
from automask_ros.segmentation.scene_samples import CropConfig, SampleRow
from automask_ros.segmentation.scene_step import StageCheckpoint, StageTrainer
from automask_ros.segmentation.scene_training import (
    CHECKPOINT,
    SceneData,
    SceneTrainResult,
    train_scenes,
)
from automask_ros.segmentation.vgg_fcn import VggFCN
from automask_ros.types import Progress

ALONE = Processes(0, 1, torch.device("cpu"))
CONFIG = SceneTrainConfig(
    stages=(32, 16), iterations=3, batch_size=2, size=32, learning_rate=0.01, workers=0
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> SceneData:
    root = write_set(tmp_path_factory.mktemp("set"), training=4, validation=2)
    training, validation = SceneParsing(root, "training"), SceneParsing(root, "validation")
    return SceneData((training,), validation, training.names)


def begin() -> VggFCN:
    return small_fcn(32, classes=choose_objects(NAMES))


def tensors(path: Path) -> dict[str, torch.Tensor]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def train(
    data: SceneData, out: Path, config: SceneTrainConfig = CONFIG, **more
) -> SceneTrainResult:
    return train_scenes(begin, data, config, out, ALONE, **more)


@pytest.fixture(scope="module")
def whole(data: SceneData, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training that nothing interrupted."""
    out = tmp_path_factory.mktemp("whole")
    result = train(data, out)
    assert result.finished and (result.stage, result.step) == (16, 3)
    return out


def test_each_stage_leaves_its_network_and_figures(data: SceneData, whole: Path) -> None:
    result = train(data, whole)  # again: nothing is left to do
    assert list(result.stages) == ["32s", "16s"]
    assert result.stages["16s"]["iterations"] == 3
    assert 0 < result.stages["16s"]["validation"]["pixel_accuracy"] <= 1
    for stage in (32, 16):
        network = load_fcn(str(whole / f"fcn{stage}s.safetensors"))
        assert isinstance(network, VggFCN) and network.stage == stage
        assert network.classes == choose_objects(NAMES) and network.layout == SMALL


def test_all_layers_have_learnt(whole: Path) -> None:
    start = begin().state_dict()
    end = tensors(whole / CHECKPOINT)
    for name, tensor in start.items():
        if name in ("upsamplings.32.weight",):
            continue  # by 32 at the start, by 2 at the end
        assert not torch.equal(end[f"network.{name}"], tensor), name
    assert end["network.scores.16.weight"].any()


def test_curves_are_written(whole: Path) -> None:
    curves = EventAccumulator(str(whole / "tensorboard"))
    curves.Reload()
    assert {"train/loss", "train/learning_rate", "validation/mean_iou"} <= set(
        curves.Tags()["scalars"]
    )
    assert [event.step for event in curves.Scalars("train/loss")] == [1, 2, 3, 4, 5, 6]
    rates = [event.value for event in curves.Scalars("train/learning_rate")]
    assert rates[0] == pytest.approx(0.01) and rates[3] == pytest.approx(0.001)
    assert rates[0] > rates[1] > rates[2] > 0


@pytest.mark.parametrize("stop_after", [1, 3, 4])
def test_a_stopped_training_goes_on_bit_for_bit(
    data: SceneData, whole: Path, tmp_path: Path, stop_after: int
) -> None:
    steps = []

    def interrupt(progress: Progress) -> None:
        if progress.stage.startswith("train"):
            steps.append(progress)
            if len(steps) == stop_after:
                os.kill(os.getpid(), signal.SIGINT)

    stopped = train(data, tmp_path, progress=interrupt)
    assert not stopped.finished
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    torch.manual_seed(123)  # what else happened meanwhile does not matter
    assert train(data, tmp_path).finished
    expected, found = tensors(whole / CHECKPOINT), tensors(tmp_path / CHECKPOINT)
    assert expected.keys() == found.keys()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


@pytest.mark.parametrize("half", [torch.bfloat16, torch.float16])
def test_mixed_precision_learns_and_goes_on(
    data: SceneData, tmp_path: Path, half: torch.dtype
) -> None:
    processes = Processes(0, 1, torch.device("cpu"), half)
    config = SceneTrainConfig(**{**CONFIG.__dict__, "dropout": 0.0, "stages": (32,)})
    row = SampleRow(data.training, CropConfig(32), seed=0)
    images, classes = (torch.stack(each) for each in zip(row[0], row[1], strict=True))
    trainer = StageTrainer(begin(), config, processes, steps=12, rate=0.01)
    losses = [trainer.train_step(images, classes, False)[0] for _ in range(6)]
    trainer.save(tmp_path / CHECKPOINT, {})
    checkpoint = StageCheckpoint(tmp_path / CHECKPOINT)
    again = StageTrainer(checkpoint.network(), config, processes, steps=12, rate=0.01)
    again.restore(checkpoint)
    rest = [trainer.train_step(images, classes, False)[0] for _ in range(6)]
    assert [again.train_step(images, classes, False)[0] for _ in range(6)] == rest
    assert rest[-1] < losses[0] - 0.15
    assert {parameter.dtype for parameter in trainer.network.parameters()} == {torch.float32}
    scale = checkpoint.header["scaler"].get("scale")
    assert scale == (65536.0 if half == torch.float16 else None)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_gpu_goes_on_bit_for_bit(data: SceneData, tmp_path: Path) -> None:
    steps = []

    def interrupt(progress: Progress) -> None:
        steps.append(progress)
        if len(steps) == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with joined("cuda") as gpu:
        assert gpu.half in (torch.bfloat16, torch.float16)
        assert train_scenes(begin, data, CONFIG, tmp_path / "whole", gpu).finished
        stopped = train_scenes(begin, data, CONFIG, tmp_path / "parts", gpu, interrupt)
        assert not stopped.finished
        assert train_scenes(begin, data, CONFIG, tmp_path / "parts", gpu).finished
    expected, found = (tensors(tmp_path / name / CHECKPOINT) for name in ("whole", "parts"))
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_other_settings_do_not_go_on(data: SceneData, whole: Path) -> None:
    other = SceneTrainConfig(**{**CONFIG.__dict__, "seed": 1})
    with pytest.raises(AutomaskError, match="holds a training with seed 0, not 1: give the same"):
        train(data, whole, other)


def test_a_damaged_checkpoint_is_named(data: SceneData, tmp_path: Path) -> None:
    (tmp_path / CHECKPOINT).write_bytes(b"cut short")
    with pytest.raises(AutomaskError, match="is no checkpoint of a training .* remove it"):
        train(data, tmp_path)


def test_a_damaged_scene_is_one_line_from_a_worker_too(tmp_path: Path) -> None:
    root = write_set(tmp_path, training=2, validation=1)
    for path in (root / "images" / "training").iterdir():
        path.write_bytes(b"no picture")
    training, validation = SceneParsing(root, "training"), SceneParsing(root, "validation")
    config = SceneTrainConfig(**{**CONFIG.__dict__, "workers": 1})
    with pytest.raises(AutomaskError, match=r"^/.*\.jpg is damaged") as caught:
        train(SceneData((training,), validation, training.names), tmp_path / "out", config)
    assert "\n" not in str(caught.value)


def test_divergence_is_said(data: SceneData, tmp_path: Path) -> None:
    config = SceneTrainConfig(
        **{**CONFIG.__dict__, "learning_rate": 1e30, "gradient_limit": 1e30, "iterations": 9}
    )
    with pytest.raises(AutomaskError, match="diverged.*lower --learning-rate"):
        train(data, tmp_path, config)


def test_a_batch_that_cannot_be_shared_is_refused(data: SceneData, tmp_path: Path) -> None:
    with pytest.raises(AutomaskError, match="--batch-size 2 cannot be shared among 3 processes"):
        train_scenes(begin, data, CONFIG, tmp_path, Processes(0, 3, torch.device("cpu")))


def test_rates_by_kind_of_layer() -> None:
    network = begin()
    trainer = StageTrainer(network, CONFIG, ALONE, steps=10, rate=1.0)
    kinds = {}
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    for group in trainer._optimiser.param_groups:
        for parameter in group["params"]:
            kinds[names[id(parameter)]] = (group["pace"], group["weight_decay"])
    assert kinds["backbone.fc6.weight"] == (1.0, 5e-4)
    assert kinds["backbone.features.0.bias"] == (2.0, 0.0)
    assert kinds["scores.32.weight"] == (10.0, 5e-4)
    assert kinds["scores.32.bias"] == (20.0, 0.0)
    assert kinds["upsamplings.32.weight"] == (1.0, 0.0)
    assert kinds.keys() == set(names.values())


def test_epochs_become_steps() -> None:
    assert SceneTrainConfig(epochs=2, batch_size=4).steps(epoch=10) == 5
    assert SceneTrainConfig(iterations=7).steps(epoch=10) == 7
    with pytest.raises(AutomaskError, match="from coarse to fine"):
        SceneTrainConfig(stages=(8, 32))


def test_devices() -> None:
    assert choose_device("cpu") == torch.device("cpu")
    with pytest.raises(AutomaskError, match="no device is called 'tpu9': give auto, cpu, cuda or"):
        choose_device("tpu9")
    asked = f"cuda:{torch.cuda.device_count()}"
    line = f"{asked} was asked for, but torch finds .*: give cpu or auto"
    with pytest.raises(AutomaskError, match=line):
        choose_device(asked)
    with joined("auto") as processes:
        assert processes.first and processes.count == 1
        assert processes.device.type == ("cuda" if torch.cuda.is_available() else "cpu")


def test_a_second_interruption_at_once_is_the_same_one() -> None:
    with Interruption() as interruption:
        assert not interruption.asked
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert interruption.asked
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
