"""The parts that a report is made of, ready for its template: no array is left in them."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeVar

import cv2
import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.plots import Plot, plot_losses, plot_precision, plot_precision_recall

#: Colours at full size: halved, as is usual, the thin lines around masks would lose theirs.
_JPEG = (
    *(cv2.IMWRITE_JPEG_QUALITY, 82),
    *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444),
)
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Picture:
    """A picture as a data address, with what is said below it."""

    address: str
    caption: str
    tone: str = ""
    remark: str = ""
    reasons: Sequence[str] = ()


@dataclass(frozen=True)
class PlotPicture:
    """A plot with what is said below it; `name` is that of its file where it gets one."""

    name: str
    caption: str
    plot: Plot

    @property
    def light(self) -> str:
        """The plot for a light page, as a data address."""
        return _address("image/png", self.plot.light)

    @property
    def dark(self) -> str:
        """The plot for a dark page, as a data address."""
        return _address("image/png", self.plot.dark)


@dataclass(frozen=True)
class Section:
    """A part of a report with its heading; ``kind`` tells the template how to lay it out."""

    kind: ClassVar[str]
    title: str


@dataclass(frozen=True)
class Table(Section):
    """Rows of words, each as long as the header."""

    kind: ClassVar[str] = "table"
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    last_row_sums_up: bool = False


@dataclass(frozen=True)
class Facts(Section):
    """Names with values; nested mappings and lists are shown as lines of words."""

    kind: ClassVar[str] = "facts"
    values: Mapping[str, Any] = field(default_factory=dict)

    def lines(self) -> list[tuple[str, str]]:
        """The facts as words."""
        return [(name.replace("_", " "), display(value)) for name, value in self.values.items()]


@dataclass(frozen=True)
class Plots(Section):
    """Plots side by side; a report leaves the section out when there are none."""

    kind: ClassVar[str] = "plots"
    plots: Sequence[PlotPicture] = ()


@dataclass(frozen=True)
class Choice:
    """One kind of picture that a filter can single out: its tone, and the word for it."""

    tone: str
    word: str


@dataclass(frozen=True)
class Filter(Section):
    """Lets the reader see pictures of one tone only, all over the page; one per report."""

    kind: ClassVar[str] = "filter"
    choices: Sequence[Choice] = ()


@dataclass(frozen=True)
class Gallery(Section):
    """Pictures in a grid, or a line that says why there are none."""

    kind: ClassVar[str] = "gallery"
    pictures: Sequence[Picture] = ()
    note: str = ""
    empty: str = "There are none."
    size: Literal["small", "wide", "full"] = "small"


def display(value: Any) -> str:
    """A value as a person reads it: a dash for what is missing, three decimals at most."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) < 10 else f"{value:.1f}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name}: {display(part)}" for name, part in value.items()) or "–"
    if isinstance(value, (list, tuple)):
        return ", ".join(display(part) for part in value) or "–"
    return str(value)


def spread(items: Sequence[_Item], most: int) -> list[_Item]:
    """At most ``most`` of the items, evenly spread over them, in order."""
    if len(items) <= most:
        return list(items)
    return [items[index * len(items) // most] for index in range(most)]


def thumbnail(image: np.ndarray, width: int) -> np.ndarray:
    """Shrink an image ``(H, W, 3)`` uint8 or a mask ``(H, W)`` bool to ``width``; never enlarge."""
    if image.shape[1] <= width:
        return image
    size = (width, max(1, round(image.shape[0] * width / image.shape[1])))
    if image.dtype == bool:
        small = cv2.resize(image.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
        return small.astype(bool)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def photograph(image: np.ndarray) -> str:
    """A BGR image as a data address, compressed as JPEG."""
    done, data = cv2.imencode(".jpg", image, _JPEG)
    if not done:
        raise AutomaskError(f"cannot compress an image of shape {image.shape} for the report")
    return _address("image/jpeg", data.tobytes())


def precision_plots(evaluation: Mapping[str, Any], figures: Sequence[str]) -> list[PlotPicture]:
    """Bars for each label and its curve, or nothing when nothing was evaluated by label."""
    per_label: dict[str, dict[str, float]] = {}
    for label, row in (evaluation.get("per_label") or {}).items():
        if known := known_precisions(row, figures):
            per_label[label] = known
    if not per_label:
        return []
    bars = plot_precision(per_label, figures)
    plots = [PlotPicture("precision", "average precision of each object", bars)]
    curves = evaluation.get("precision_at_recall") or {}
    if drawn := {label: curve for label, curve in curves.items() if len(curve) > 1}:
        caption = "precision over recall, at an IoU of 0.50"
        plots.append(PlotPicture("precision_recall", caption, plot_precision_recall(drawn)))
    return plots


def loss_plots(losses: Sequence[float] | Sequence[Mapping[str, float]]) -> list[PlotPicture]:
    """The loss curves, or nothing when fewer than two steps were logged."""
    curves: dict[str, list[tuple[int, float]]] = {}
    for index, entry in enumerate(losses):
        row: Mapping[str, Any] = entry if isinstance(entry, Mapping) else {"loss": entry}
        step = int(row.get("step", index + 1))
        for name, loss in row.items():
            if name != "step" and isinstance(loss, (int, float)) and math.isfinite(loss):
                curves.setdefault(name, []).append((step, float(loss)))
    curves = {name: points for name, points in curves.items() if len(points) > 1}
    return [PlotPicture("losses", "loss during training", plot_losses(curves))] if curves else []


def known_precisions(row: Mapping[str, Any], figures: Sequence[str]) -> dict[str, float]:
    """The figures that were measured; COCO evaluation says -1 where there was nothing to find."""
    values = {name: row.get(name) for name in figures}
    return {
        name: float(value) for name, value in values.items() if value is not None and value >= 0
    }


def _address(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
