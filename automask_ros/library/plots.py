"""Plots for the reports, as PNG bytes, in a light and a dark version.

Matplotlib's figure objects are used directly: its `pyplot` keeps global state, wants a display and
is not safe outside the main thread.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from automask_ros.colours import (
    BLUE,
    BLUISH_GREEN,
    ORANGE,
    REDDISH_PURPLE,
    SKY_BLUE,
    VERMILLION,
    hexadecimal,
)

_SIZE_INCHES = (5.0, 2.9)
_DPI = 130
#: (background, ink) of the reports' two themes.
_THEMES = (("#ffffff", "#24292f"), ("#1c2128", "#d8dee6"))
_COLOURS = tuple(
    map(hexadecimal, (BLUE, ORANGE, BLUISH_GREEN, REDDISH_PURPLE, SKY_BLUE, VERMILLION))
)
#: What tells bars apart beside their colours.
_HATCHES = ("", "//", "..")

#: A name of so many letters fits below its bars and into a legend.
_LONGEST_NAME = 14

#: Lengths of line and gap: none, then shorter and shorter.
_DASHES: tuple[tuple[float, ...], ...] = ((), (5, 3), (2, 3))


@dataclass(frozen=True)
class Plot:
    """One plot as PNG bytes, drawn for a light page and for a dark one."""

    light: bytes
    dark: bytes


def plot_losses(losses: Mapping[str, Sequence[tuple[int, float]]]) -> Plot:
    """Draw loss curves.

    :param losses: for each curve its name and its ``(step, loss)`` points, in order.
    """

    def draw(figure: Figure, ink: str) -> None:
        axes = figure.add_subplot()
        for number, (name, points) in enumerate(losses.items()):
            steps, values = zip(*points, strict=True)
            line = _line(number)
            axes.plot(steps, values, color=line["color"], alpha=0.3, linewidth=1.0)
            axes.plot(steps, _smooth(values), label=name, **line)
        axes.set_xlabel("training step")
        axes.set_ylabel("loss")
        axes.set_ylim(bottom=0)
        _dress(axes, ink)

    return _plot(draw)


def plot_precision(per_label: Mapping[str, Mapping[str, float]], figures: Sequence[str]) -> Plot:
    """Draw bars of average precision, one group for each label.

    :param per_label: for each label its figures, 0 to 1; a figure that is missing gets no bar.
    :param figures: the names of the figures to draw, such as ``AP`` and ``AP50``.
    """

    def draw(figure: Figure, ink: str) -> None:
        axes = figure.add_subplot()
        width = 0.8 / len(figures)
        for index, (colour, name) in enumerate(zip(_COLOURS, figures, strict=False)):
            offset = (index - (len(figures) - 1) / 2) * width
            places = [place for place, row in enumerate(per_label.values()) if name in row]
            values = [row[name] for row in per_label.values() if name in row]
            axes.bar(
                [place + offset for place in places],
                values,
                width * 0.92,
                color=colour,
                hatch=_HATCHES[index % len(_HATCHES)],
                edgecolor=figure.get_facecolor(),
                linewidth=0,
                label=name,
            )
        axes.set_xticks(range(len(per_label)), list(map(_short, per_label)))
        axes.set_ylim(0, 1)
        axes.set_ylabel("average precision")
        _dress(axes, ink)

    return _plot(draw)


def plot_precision_recall(curves: Mapping[str, Sequence[float]]) -> Plot:
    """Draw precision over recall.

    :param curves: for each label the precisions at recalls evenly spread from 0 to 1.
    """

    def draw(figure: Figure, ink: str) -> None:
        axes = figure.add_subplot()
        for number, (label, precisions) in enumerate(curves.items()):
            recalls = [index / (len(precisions) - 1) for index in range(len(precisions))]
            # Good ones lie on each other: gaps let those below be seen.
            axes.plot(recalls, precisions, label=_short(label), **_line(number))
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        _dress(axes, ink)

    return _plot(draw)


def _short(label: str) -> str:
    """A label by its ends where it is so long that it would leave no room for the plot."""
    return label if len(label) <= _LONGEST_NAME else f"{label[:9]}…{label[-4:]}"


def _line(number: int) -> dict[str, Any]:
    """How a plot's curve of this number looks: no two of the first six share colour and dashes."""
    dashes = _DASHES[number % len(_DASHES)]
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": (0, dashes),
        "linewidth": 1.8,
    }


def _smooth(values: Sequence[float]) -> list[float]:
    """The mean over a window around each value, a tenth of the curve wide and cut at its ends."""
    reach = len(values) // 20
    windows = (values[max(0, i - reach) : i + reach + 1] for i in range(len(values)))
    return [sum(window) / len(window) for window in windows]


def _plot(draw: Callable[[Figure, str], None]) -> Plot:
    return Plot(*(_render(draw, background, ink) for background, ink in _THEMES))


def _render(draw: Callable[[Figure, str], None], background: str, ink: str) -> bytes:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, facecolor=background, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    draw(figure, ink)
    for axes in figure.axes:
        axes.set_facecolor(background)
    data = io.BytesIO()
    canvas.print_png(data)
    return data.getvalue()


def _dress(axes: Axes, ink: str) -> None:
    """Give axes the ink of their theme, a quiet grid and a legend above."""
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=ink, alpha=0.15)
    axes.tick_params(colors=ink)
    axes.xaxis.label.set_color(ink)
    axes.yaxis.label.set_color(ink)
    for name, spine in axes.spines.items():
        spine.set_visible(name in ("left", "bottom"))
        spine.set_color(ink)
    axes.legend(
        loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, labelcolor=ink
    )
