"""From what a person asks for to what a training on scenes needs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.segmentation.fcn import load_fcn
from automask_ros.segmentation.scene_classes import SceneClasses, choose_objects
from automask_ros.segmentation.scene_config import SceneTrainConfig
from automask_ros.segmentation.scene_parsing import SceneParsing
from automask_ros.segmentation.scene_training import SceneData
from automask_ros.segmentation.taught_scenes import TaughtScenes
from automask_ros.segmentation.vgg_fcn import VggFCN, with_classes
from automask_ros.segmentation.vgg_weights import imagenet_vgg16, layout_of, transplant


@dataclass(frozen=True)
class Prepared:
    """A training that is ready to begin; `begin` makes the network that it starts from."""

    data: SceneData
    config: SceneTrainConfig
    begin: Callable[[], VggFCN]


def prepare(
    data: Path,
    settings: dict[str, Any],
    weights: Path | None = None,
    library: Library | None = None,
    fcn: str = "",
) -> Prepared:
    """A training on the scenes in `data`; `settings` are fields of SceneTrainConfig.

    It starts from ImageNet's VGG16 (the file `weights`, or torchvision's cache or download). With
    a `library` it starts from the network `fcn` instead, a trained VggFCN, to which the labels
    are added as classes, and half of what it sees are views of the library. AutomaskError when
    something is missing or does not fit together.
    """
    training, validation = SceneParsing(data, "training"), SceneParsing(data, "validation")
    if library is None:
        config = SceneTrainConfig(**settings)
        scenes = SceneData((training,), validation, training.names)
        classes = choose_objects(training.names, config.objects)
        return Prepared(scenes, config, lambda: _from_imagenet(classes, config, weights))
    network = _trained(fcn, training.names)
    taught = sorted({view.label for view in library.trainable_views()})
    network = with_classes(network, taught)
    # It knows the scenes already: a rate as for a network that starts from a coarser one.
    rate = SceneTrainConfig.learning_rate * SceneTrainConfig.finer_rate
    config = SceneTrainConfig(**{"learning_rate": rate, **settings, "stages": (network.stage,)})
    sources = (training, TaughtScenes(library, network.classes))
    return Prepared(SceneData(sources, validation, training.names), config, lambda: network)


def _from_imagenet(classes: SceneClasses, config: SceneTrainConfig, weights: Path | None) -> VggFCN:
    state = imagenet_vgg16(weights)
    network = VggFCN(classes, config.stages[0], layout_of(state))
    transplant(state, network.backbone)
    return network


def _trained(fcn: str, names: tuple[str, ...]) -> VggFCN:
    network = load_fcn(fcn)
    if not isinstance(network, VggFCN):
        raise AutomaskError(
            f"fcn {fcn} knows no classes of scenes: leave the data set out, or give --fcn the path "
            "of a network that train-fcn made on it"
        )
    check_names(network, names)
    return network


def check_names(network: VggFCN, names: tuple[str, ...]) -> None:
    """AutomaskError unless the first classes of `network` are those of the data set."""
    if network.classes.names[: len(names)] != names:
        raise AutomaskError(
            f"this FCN knows {len(network.classes.names)} classes, and not the {len(names)} of the "
            "data set, in its order: give the set that it was trained on"
        )
