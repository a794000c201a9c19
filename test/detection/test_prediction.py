"""torch and ONNX Runtime give the same detections, from none to the most."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from detection.counterparts import counterparts
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.roi_heads import RoIHeads

from automask_ros.detection.base_models import build, load_checkpoint, resize_classes
from automask_ros.detection.export import check_onnx, export_onnx, onnx_of
from automask_ros.detection.graph import DetectionGraph
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.roi_heads import WINDOW
from automask_ros.detection.runtimes import OnnxRuntime, TorchRuntime
from automask_ros.errors import AutomaskError
from automask_ros.library.image_message import decode_image
from automask_ros.library.library import Library
from automask_ros.types import Detections

LABELS = {"mug": 1, "can": 2}


@pytest.fixture(scope="module")
def network(base_weights: Path) -> MaskRCNN:
    """An untrained network whose scores and masks differ from place to place."""
    torch.manual_seed(0)
    model = build(resize_classes(load_checkpoint(base_weights), LABELS))
    # Scores spread out, so that thresholds cut somewhere in between.
    torch.nn.init.normal_(model.roi_heads.box_predictor.cls_score.weight, std=0.5)
    torch.nn.init.normal_(model.roi_heads.mask_predictor.outline.logits.weight, std=0.5)
    return model


@pytest.fixture(scope="module")
def pair(
    network: MaskRCNN, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Predictor, Predictor]:
    """The same network in torch and in ONNX Runtime."""
    path = tmp_path_factory.mktemp("onnx") / "model.onnx"
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    export_onnx(network, path, image)
    return (
        Predictor(TorchRuntime(network, "cpu"), LABELS, {}, 96),
        Predictor(OnnxRuntime(path, "cpu", threads=1), LABELS, {}, 96),
    )


def same(first: Detections, second: Detections) -> None:
    for each in (first, second):
        assert (np.diff(each.scores) <= 0).all(), "best first"
    order = counterparts(first, second)
    np.testing.assert_allclose(first.boxes, second.boxes[order], atol=0.1)
    np.testing.assert_allclose(first.scores, second.scores[order], atol=1e-3)
    for one, two in zip(first.masks, (second.masks[index] for index in order), strict=True):
        assert (one.top, one.left, one.pixels.shape) == (two.top, two.left, two.pixels.shape)
        assert np.mean(one.pixels != two.pixels) < 0.01


@pytest.mark.parametrize("size", [(96, 128), (240, 320), (200, 150)])
def test_both_runtimes_agree_at_any_image_size(
    pair: tuple[Predictor, Predictor], size: tuple[int, int]
) -> None:
    image = np.random.default_rng(1).integers(0, 255, (*size, 3), dtype=np.uint8)
    by_torch, by_onnx = (predictor.detect_all(image) for predictor in pair)
    assert len(by_torch) > 3
    assert by_torch.image_size == size
    assert (np.diff(by_torch.scores) <= 0).all()
    assert by_torch.boxes.min() >= 0
    assert (by_torch.boxes[:, [0, 2]] <= size[1] + 1e-3).all()
    same(by_torch, by_onnx)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("padding", [0, 5])
def test_an_image_may_be_a_view_of_a_camera_message(
    pair: tuple[Predictor, Predictor], padding: int
) -> None:
    """Read-only and with gaps between its rows."""
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    rows = np.pad(image.reshape(96, -1), ((0, 0), (0, padding)))
    view = decode_image("bgr8", 96, 128, rows.shape[1], rows.tobytes())
    for predictor in pair:
        same(predictor.detect_all(view), predictor.detect_all(image))


def test_many_pictures_are_looked_at_by_onnx_runtime(network: MaskRCNN) -> None:
    """A few are not worth the seconds that tracing takes; what is found is the same."""
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    few = Predictor.for_many(network, LABELS, "cpu", image, 15)
    many = Predictor.for_many(network, LABELS, "cpu", image, 16)
    assert (few.runtime.name, many.runtime.name) == ("torch on cpu", "ONNX Runtime on CPU")
    found = few.detect_all(image)
    assert len(found) > 3
    same(found, many.detect_all(image))


def test_a_box_is_the_bounds_of_its_mask(pair: tuple[Predictor, Predictor]) -> None:
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    found = pair[0].detect_all(image)
    drawn = [index for index in range(len(found)) if found.mask(index).any()]
    assert len(drawn) > 3
    for index in drawn:
        rows, columns = np.nonzero(found.mask(index))
        bounds = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        assert tuple(found.boxes[index]) == bounds


def test_thresholds_are_per_label_and_may_leave_nothing(
    pair: tuple[Predictor, Predictor],
) -> None:
    image = np.random.default_rng(1).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    everything = pair[0].detect_all(image)
    label = everything.labels[0]
    bar = float(np.median(everything.scores))
    for predictor in pair:
        some = predictor.detect(image, {**dict.fromkeys(LABELS, 1.01), label: bar})
        assert set(some.labels) == {label}
        assert 0 < len(some) < len(everything)
        assert (some.scores >= bar - 1e-3).all()
        nothing = predictor.detect(image, {"mug": 1.01, "can": 1.01})
        assert len(nothing) == 0
        assert nothing.boxes.shape == (0, 4)
        assert not nothing.instances().any()


def test_one_object_is_not_called_twice(pair: tuple[Predictor, Predictor]) -> None:
    image = np.random.default_rng(2).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    windows = pair[0].runtime(image, np.full(3, 0.05, np.float32))[0]
    assert len(windows) > 3
    centres = (windows[:, :2] + windows[:, 2:]) / 2
    halves = (windows[:, 2:] - windows[:, :2]) / (2 * WINDOW)
    boxes = np.concatenate([centres - halves, centres + halves], 1)
    corners = np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    ends = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    common = np.clip(ends - corners, 0, None).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
    overlaps = common / (areas[:, None] + areas[None] - common) - np.eye(len(boxes))
    assert overlaps.max() <= 0.701


def test_graph_finds_what_torchvision_finds(base_weights: Path) -> None:
    """With torchvision's own heads, and one label, between which there is nothing to choose."""
    model = build(resize_classes(load_checkpoint(base_weights), {"mug": 1}))
    model.roi_heads.__class__ = RoIHeads
    model.roi_heads.score_thresh = 0.0
    model.roi_heads.nms_thresh = 0.5
    image = np.random.default_rng(3).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    rgb = torch.from_numpy(image[..., ::-1].transpose(2, 0, 1).copy()).float() / 255
    with torch.inference_mode():
        (expected,) = model([rgb])
        boxes, scores, class_ids, masks = DetectionGraph(model)(
            torch.from_numpy(image), torch.tensor([2.0, 0.0])
        )
    assert len(boxes) == len(expected["boxes"]) > 0
    torch.testing.assert_close(boxes, expected["boxes"], atol=1e-2, rtol=0)
    torch.testing.assert_close(scores, expected["scores"], atol=1e-4, rtol=0)
    assert masks.shape == (len(boxes), 28, 28)
    assert (class_ids == 1).all()


def test_a_runtime_leaves_the_model_on_its_device_and_in_its_mode(base_weights: Path) -> None:
    """What moves is its own; so it is for the export, which moves a model from a GPU."""
    model = build(load_checkpoint(base_weights)).train()
    TorchRuntime(model, "meta")
    tensors = [*model.parameters(), *model.buffers()]
    assert {tensor.device.type for tensor in tensors} == {"cpu"}
    assert all(module.training for module in model.modules())


def test_an_export_that_differs_is_refused(
    pair: tuple[Predictor, Predictor], base_weights: Path, tmp_path: Path
) -> None:
    image = np.random.default_rng(0).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    minimum = np.full(3, 0.05, np.float32)
    model = build(resize_classes(load_checkpoint(base_weights), LABELS))
    path = tmp_path / "model.onnx"
    export_onnx(model, path, image)
    with torch.inference_mode():
        graph = DetectionGraph(model)
        expected = [o.numpy() for o in graph(torch.from_numpy(image), torch.from_numpy(minimum))]
    check_onnx(path.read_bytes(), expected, image, minimum)
    expected[0] = expected[0] + 3.0
    with pytest.raises(
        AutomaskError, match="the exported model differs from the trained one: torch"
    ):
        check_onnx(path.read_bytes(), expected, image, minimum)


def test_what_is_asked_for_wrongly_is_said(library: Library) -> None:
    with pytest.raises(AutomaskError, match="no promoted model; teach or train one first"):
        Predictor.from_version(library)
    with pytest.raises(AutomaskError, match="unknown runtime 'tpu'"):
        Predictor.from_version(library, runtime="tpu")


def test_several_pictures_together_are_found_as_each_alone(network: MaskRCNN) -> None:
    random = np.random.default_rng(5)
    images = random.integers(0, 255, (3, 96, 128, 3), dtype=np.uint8)
    minimum = np.full(3, 0.05, np.float32)
    graph = DetectionGraph(network).eval()
    with torch.inference_mode():
        together = graph.many(torch.from_numpy(images), torch.from_numpy(minimum))
        alone = [graph(torch.from_numpy(each), torch.from_numpy(minimum)) for each in images]
    assert sum(len(found[1]) for found in alone) > 6
    for one, other in zip(together, alone, strict=True):
        for first, second in zip(one, other, strict=True):
            torch.testing.assert_close(first, second, atol=1e-4, rtol=1e-4)


def test_hundreds_of_detections_are_the_same_by_both_runtimes(network: MaskRCNN) -> None:
    crowded = copy.deepcopy(network)
    crowded.rpn._post_nms_top_n["testing"] = 1000
    crowded.rpn._pre_nms_top_n["testing"] = 2000
    crowded.rpn.nms_thresh = 0.95
    crowded.roi_heads.detections_per_img = 500
    image = np.random.default_rng(6).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    minimum = np.full(3, 0.01, np.float32)
    by_torch = TorchRuntime(crowded, "cpu")(image, minimum)
    by_onnx = OnnxRuntime(onnx_of(crowded, image), "cpu", threads=1)(image, minimum)
    assert len(by_torch[1]) > 200
    assert abs(len(by_torch[1]) - len(by_onnx[1])) <= 2  # scores that just pass in one of them
    check_onnx(onnx_of(crowded, image), list(by_torch), image, minimum)
