"""Teaching side by side: ours, the same from people's masks, and plain fine-tuning, in one run."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from automask_ros.detection.base_models import load_base_model
from automask_ros.detection.evaluation import evaluate
from automask_ros.detection.holdout import split_library
from automask_ros.detection.plain_training import plain_fine_tuning
from automask_ros.detection.prediction import Predictor
from automask_ros.detection.teaching import train_version
from automask_ros.detection.training import TrainConfig
from automask_ros.devices import pick_device
from automask_ros.errors import AutomaskError
from automask_ros.library.coco import CocoSet
from automask_ros.library.coco_import import import_coco
from automask_ros.library.library import Library
from automask_ros.library.linked_copy import linked_copy
from automask_ros.types import ProgressCallback, View


@dataclass(frozen=True)
class Contest:
    """Who is taught from `library`, and the annotated pictures that all are measured on."""

    library: Library
    images: Path
    truth: CocoSet
    config: TrainConfig

    def ours(self, seed: int, progress: ProgressCallback | None) -> dict[str, Any]:
        """A row for our training, as `automask train` does it."""
        return self._row("ours", self.library, seed, progress)

    def without(self, label: str, seed: int, progress: ProgressCallback | None) -> dict[str, Any]:
        """A row for our training of every other object: what stood before `label` was taught."""
        others = tuple(each for each in self.library.labels() if each != label)
        contest = replace(self, config=replace(self.config, labels=others))
        return contest._row(f"without {label}", self.library, seed, progress)

    def people(
        self, masks: CocoSet, seed: int, progress: ProgressCallback | None
    ) -> dict[str, Any]:
        """A row for our training from masks that people drew of the same views.

        AutomaskError when a view that teaches has none.
        """
        with copied(self.library) as drawn:
            taken = import_coco(drawn, masks, None, everything=True, progress=progress)
            found = {(view.label, view.id) for view in taken.drawn}
            missing = [v for v in _trainable(drawn) if (v.label, v.id) not in found]
            if missing:
                raise AutomaskError(
                    f"{len(missing)} views teach that have no mask in {masks.path}, view "
                    f"{missing[0].id} of {missing[0].label} for one; file names must be view ids "
                    "and categories labels"
                )
            return self._row("people's masks", drawn, seed, progress)

    def plain(self, epochs: int, seed: int, progress: ProgressCallback | None) -> dict[str, Any]:
        """A row for torchvision's recipe from the same start weights on the same masks."""
        config = self.config
        split = split_library(self.library, config.labels, config.holdout, config.min_views)
        views = split.everything
        names = sorted({view.label for view in views})
        labels = {label: number for number, label in enumerate(names, start=1)}
        device = pick_device(config.device)
        started = time.monotonic()
        model, _ = load_base_model(config.base_model, labels, config.image_size)
        plain_fine_tuning(
            model,
            self.library,
            views,
            labels,
            epochs=epochs,
            device=device,
            seed=seed,
            progress=progress,
        )
        seconds = time.monotonic() - started
        predictor = Predictor.from_model(model, labels, device=device)
        summary, _ = evaluate(predictor, self.images, self.truth, progress)
        return _figures(f"torchvision, {epochs} epochs", seed, len(views), seconds, summary)

    def _row(
        self, name: str, library: Library, seed: int, progress: ProgressCallback | None
    ) -> dict[str, Any]:
        config = replace(self.config, seed=seed, min_ap50=0.0)
        with copied(library) as scratch:
            views = len(_trainable(scratch, config.labels))
            started = time.monotonic()
            result = train_version(scratch, config, progress)
            seconds = time.monotonic() - started
            predictor = Predictor.from_version(scratch, result.version, config.device)
            summary, _ = evaluate(predictor, self.images, self.truth, progress)
        return _figures(name, seed, views, seconds, summary) | {"stages": result.seconds}


def cost(before: dict[str, Any], after: dict[str, Any]) -> float:
    """How far the mean AP of the labels of the row `before` is lower in the row `after`."""
    falls = [
        figures["AP"] - (after["per_label"][label]["AP"] or 0.0)
        for label, figures in before["per_label"].items()
        if figures["AP"] is not None
    ]
    return sum(falls) / len(falls)


def spread(rows: Sequence[dict[str, Any]]) -> float:
    """The largest AP less the smallest one."""
    found = [row["AP"] or 0.0 for row in rows]
    return max(found) - min(found)


@contextmanager
def copied(library: Library) -> Iterator[Library]:
    """A copy of `library` without its models, which goes when the block ends."""
    with tempfile.TemporaryDirectory(prefix="automask-benchmark-") as folder:
        yield linked_copy(library, Path(folder) / "library")


def _trainable(library: Library, labels: Sequence[str] | None = None) -> list[View]:
    chosen = library.labels() if labels is None else labels
    return [view for label in chosen for view in library.trainable_views(label)]


def _figures(
    name: str, seed: int, views: int, seconds: float, summary: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "seed": seed,
        "views": views,
        "seconds": round(seconds, 1),
        **{key: summary[key] for key in ("AP", "AP50", "AP75", "per_label")},
        "box": {key: summary["box"][key] for key in ("AP", "AP50")},
    }
