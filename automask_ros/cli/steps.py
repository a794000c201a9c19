"""The steps that `teach`, `add` and `train` have in common."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from automask_ros.cli.output import print_precision, print_table
from automask_ros.cli.progress import ProgressDisplay
from automask_ros.library.adding import Added, add_source
from automask_ros.library.labels import check_label
from automask_ros.library.library import Library
from automask_ros.library.making import made_library
from automask_ros.library.outcomes import Outcome, count_outcomes, refusals
from automask_ros.library.sources import image_files, open_source

#: So many views of a kind are named; the others are counted.
_NAMED = 5


def add_views(
    library_path: Path,
    label: str,
    source_path: Path,
    *,
    topic: str | None,
    glob: str,
    most: int | None,
) -> tuple[Library, Added, float]:
    """Bring a source's pictures into the library, which is made when it is missing.

    Returns the library, what was added, and the seconds it took.
    """
    check_label(label)
    source = open_source(source_path, topic, glob)
    started = time.monotonic()
    with made_library(library_path) as library, ProgressDisplay() as progress:
        outcome = add_source(library, label, source, most=most, progress=progress)
    for broken in [*outcome.broken, *outcome.clashing]:
        click.echo(f"left out: {broken.reason}", err=True)
    _print_added(label, outcome)
    return library, outcome, time.monotonic() - started


def check_training(settings: dict[str, Any]) -> None:
    """AutomaskError where a training would not begin with these ``settings``: now, and not once
    views and masks are made."""
    from automask_ros.detection.base_models import base_model_path, load_checkpoint
    from automask_ros.detection.training import TrainConfig

    config = TrainConfig(**settings)
    config.class_names(())
    path = base_model_path(config.base_model)
    config.learns_heads("resnet50" if path is None else load_checkpoint(path).architecture)
    if config.backgrounds:
        image_files(Path(config.backgrounds))


def check_enough(library: Library, label: str, settings: dict[str, Any]) -> None:
    """AutomaskError where an object has too few accepted masks to be trained on."""
    from automask_ros.detection.holdout import split_library
    from automask_ros.detection.training import TrainConfig

    config = TrainConfig(**settings)
    split_library(library, (label,), config.holdout, config.min_views)


def train_model(
    library: Library, settings: dict[str, Any], again: int | None = None
) -> dict[str, Any]:
    """Train, and promote what is good enough; returns the figures of `teach` and `train`.

    ``settings`` are fields of TrainConfig; the others keep its defaults, or are those of version
    ``again``, which is then made again from its own views.
    """
    from automask_ros.detection.provenance import recorded
    from automask_ros.detection.teaching import train_version
    from automask_ros.detection.training import TrainConfig

    config, split = TrainConfig(**settings), None
    if again is not None:
        config, split = recorded(library, again)
        config = replace(config, **settings)
    with ProgressDisplay() as progress:
        result = train_version(library, config, progress, split)
    return {
        "version": result.version,
        "promoted": result.promoted,
        "reason": result.reason,
        "seconds": dict(result.seconds),
        "evaluation": result.evaluation,
    }


def mask_figures(library: Library, label: str | None = None) -> dict[str, dict[str, Any]]:
    """Per object: its views, how many of them met each outcome, and who is refused for what."""
    figures: dict[str, dict[str, Any]] = {}
    for name in library.labels() if label is None else [label]:
        views = library.views(name)
        outcomes = count_outcomes(views)
        figures[name] = {
            "views": len(views),
            "masks": sum(view.verdict is not None for view in views),
            **{_key(each): outcomes[each] for each in Outcome},
            "refused_for": refusals(views),
        }
    return figures


def print_masks(figures: dict[str, dict[str, Any]]) -> None:
    """Print what `mask_figures` found: the outcomes of an object add up to its views."""
    keys = ("views", *map(_key, Outcome))
    rows = [[label, *(values[key] for key in keys)] for label, values in figures.items()]
    if len(rows) > 1:
        rows.append(["all", *(sum(column) for column in list(zip(*rows, strict=True))[1:])])
    print_table(("object", "views", *(each.value for each in Outcome)), rows)
    for label, values in figures.items():
        if values["refused_for"]:
            click.echo(f"{label}: {values['refused']} refused, each for one reason or more:")
        for reason, ids in values["refused_for"].items():
            more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
            click.echo(f"  {reason} ({len(ids)}): {', '.join(ids[:_NAMED])}{more}")


def _key(outcome: Outcome) -> str:
    return outcome.name.lower()


def print_training(figures: dict[str, Any]) -> None:
    """Print what became of a training."""
    state = "promoted" if figures["promoted"] else "kept, but not promoted"
    click.echo(f"model version {figures['version']} {state}: {figures['reason']}")
    print_precision(figures["evaluation"])
    seconds = figures["seconds"]
    stages = ", ".join(f"{name} {seconds[name]:.0f} s" for name in seconds if name != "total")
    click.echo(f"{seconds['total']:.0f} s in all: {stages}")


def _print_added(label: str, outcome: Added) -> None:
    parts = [f"{len(outcome.added)} new"]
    if outcome.already_there:
        parts.append(f"{outcome.already_there} already there")
    parts += [f"{count} {reason}" for reason, count in outcome.not_kept.most_common()]
    if outcome.broken:
        parts.append(f"{len(outcome.broken)} unreadable")
    if outcome.clashing:
        parts.append(f"{len(outcome.clashing)} of a name that another picture has")
    click.echo(f"views of {label}: {', '.join(parts)}")
