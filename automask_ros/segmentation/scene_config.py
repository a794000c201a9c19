"""Everything that decides what a training of the paper's FCN gives, beside data and weights."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from automask_ros.errors import AutomaskError
from automask_ros.segmentation.vgg_fcn import STAGES


@dataclass(frozen=True)
class SceneTrainConfig:
    """Defaults are for SceneParse150 on one large GPU.

    The paper: SGD with momentum 0.9, weight decay 5e-4, twice the rate and no decay for biases,
    dropout kept, whole images, a fixed rate of 1e-4 for a loss that is summed over pixels. Here
    the loss is a mean over pixels and the rate falls to zero, as in DeepLab's training of the same
    VGG16 (Chen et al., "Semantic Image Segmentation with Deep Convolutional Nets and Fully
    Connected CRFs", ICLR 2015; the polynomial from DeepLab v2): 1e-3, ten times that for score
    layers, which start from nothing. Each finer network has a lower rate, as in the paper.
    """

    stages: tuple[int, ...] = STAGES
    iterations: int | None = None
    """Steps of each stage; `epochs` when None."""
    epochs: float = 20.0
    """How often each stage sees each scene."""
    batch_size: int = 16
    """Samples a step, over all processes."""
    size: int = 384
    """Height and width of a sample, in pixels."""
    learning_rate: float = 1e-3
    finer_rate: float = 0.1
    """Share of the learning rate for a network that starts from a coarser one."""
    score_pace: float = 10.0
    bias_pace: float = 2.0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    power: float = 0.9
    """The rate falls as (1 - share of the steps done) to this power."""
    gradient_limit: float = 5.0
    dropout: float = 0.5
    objects: tuple[str, ...] | None = None
    """Names of the classes that are objects; those that can lie on a table when None."""
    seed: int = 0
    deterministic: bool = True
    """The same result bit for bit each time on the same machine; a little slower on a GPU."""
    workers: int | None = None
    """Processes that read and cut scenes, for each process that trains; 0 = none, None = as many
    as there are cores, and no more than 4."""
    save_seconds: float = 300.0
    """A checkpoint so often."""
    evaluate_every: int | None = None
    """Steps between looks at the validation scenes; only at a stage's end when None."""

    def __post_init__(self) -> None:
        if not self.stages or any(stage not in STAGES for stage in self.stages):
            raise AutomaskError("--stages takes 32s, 16s and 8s, such as 32s,16s,8s")
        if list(self.stages) != sorted(set(self.stages), reverse=True):
            raise AutomaskError("--stages go from coarse to fine, such as 32s,16s,8s")
        if self.size < 32:
            raise AutomaskError(f"--size {self.size} is too small: give at least 32 pixels")

    def settings(self) -> dict[str, Any]:
        """What a training that goes on must have in common with the one that began."""
        passing = ("workers", "save_seconds", "evaluate_every", "deterministic")
        values = dataclasses.asdict(self).items()
        plain = {name: list(v) if isinstance(v, tuple) else v for name, v in values}
        return {name: value for name, value in plain.items() if name not in passing}

    def steps(self, epoch: int) -> int:
        """Steps of a stage where an epoch has so many samples."""
        if self.iterations is not None:
            return self.iterations
        return max(1, round(self.epochs * epoch / self.batch_size))
