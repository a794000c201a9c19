"""What a model says of where it comes from, and that it can be made again from it."""

import hashlib
import json
from pathlib import Path

import pytest
from detection.drawn_views import add_views, draw_view
from safetensors.torch import load_file

from automask_ros.detection.provenance import recorded
from automask_ros.detection.teaching import train_version
from automask_ros.detection.training import TrainConfig
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import Mask, Verdict


@pytest.fixture()
def config(base_weights: Path) -> TrainConfig:
    return TrainConfig(
        base_model=str(base_weights), device="cpu", iterations=2, min_ap50=0.0, clutter=2, seed=5
    )


def test_model_json_names_every_view_by_hash(
    library: Library, config: TrainConfig, base_weights: Path
):
    add_views(library, "box", 2, accepted=False)
    library.set_vetoed(library.views("disc")[3], True)
    train_version(library, config)
    record = json.loads((library.models.directory(1) / "model.json").read_text())
    parts = record["views"]["disc"]
    ids = [*parts["training"], *parts["neither"], *parts["held_out"]]
    assert sorted(ids) == sorted(view.id for view in library.trainable_views("disc"))
    assert len(parts["neither"]) == 1 and len(parts["held_out"]) == 1
    image = library.image_path("disc", ids[0]).read_bytes()
    assert record["hashes"]["disc"][ids[0]]["image"] == hashlib.sha256(image).hexdigest()
    assert record["hashes"]["disc"][ids[0]]["mask"] != record["hashes"]["disc"][ids[1]]["mask"]
    assert record["refused"]["disc"] == {library.views("disc")[3].id: ["vetoed"]}
    assert len(record["refused"]["box"]) == 2
    assert record["base_model_sha256"] == hashlib.sha256(base_weights.read_bytes()).hexdigest()
    assert set(record["software"]) >= {"automask_ros", "python", "torch", "torchvision", "numpy"}


def test_a_model_is_made_again_from_what_it_says(library: Library, config: TrainConfig):
    train_version(library, config)
    # What was shown since then does not count.
    add_views(library, "cup", 8)
    again, split = recorded(library, 1)
    assert again == config
    train_version(library, again, split=split)
    first, second = (
        load_file(library.models.directory(number) / "model.safetensors") for number in (1, 2)
    )
    assert first.keys() == second.keys()
    for name, tensor in first.items():
        assert tensor.float().numpy() == pytest.approx(second[name].float().numpy(), abs=1e-3)
    assert library.models.record(2).labels == {"box": 1, "disc": 2}


def test_a_changed_mask_cannot_be_gone_back_to(library: Library, config: TrainConfig):
    train_version(library, config)
    view = library.views("box")[0]
    library.write_mask(view, Mask(draw_view("box", 7)[1], Verdict(True, 0.9)), fcn="drawn")
    with pytest.raises(AutomaskError, match=f"view {view.id} of box or its mask is not what"):
        recorded(library, 1)


def test_an_earlier_model_that_does_not_say_is_refused(library: Library):
    record = {
        "architecture": "lite", "labels": {"box": 1}, "base_model": "lite", "image_size": 96,
        "thresholds": {"box": 0.5}, "seed": 0, "created_at": 1.0,
    }  # fmt: skip
    with library.models.stage() as staged:
        library.models.commit(staged, record)
    with pytest.raises(AutomaskError, match="model version 1 does not say from what it was made"):
        recorded(library, 1)
