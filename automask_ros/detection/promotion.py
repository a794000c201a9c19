"""Whether a fresh version goes live: what it learned, and what it must not have forgotten."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automask_ros.detection.base_models import MEASURED_FILE, build, load_measured
from automask_ros.detection.classes import CLASS_AGNOSTIC, name_of
from automask_ros.detection.composites import CompositeDataset
from automask_ros.detection.measuring import measure_clutter
from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.models import ModelStore
from automask_ros.library.records import ModelRecord
from automask_ros.types import ProgressCallback, View

# AP on views by which what was stored may miss what was measured, where it learned on since.
_STORED = 0.2
# Fall of a mean AP that chance explains, times the square root of the instances that tell: at 100
# of them, trainings on other composites of the same views have a standard deviation of 0.035.
_CHANCE = 0.5
# One label of many falls further than their mean does, by chance and because others gain.
_CHANCE_OF_ONE, _TOLERANCES_OF_ONE = 1.0, 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """The promoted version on the composites that a fresh one is measured on.

    `per_label` maps each label that it knows to its AP there, `instances` to how many of it were
    there to be found; `forgotten` are those that the fresh version does not know, `not_compared`
    those that both know and `obstacle` says why.
    """

    version: int
    per_label: dict[str, float]
    instances: dict[str, int]
    forgotten: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    obstacle: str = "no composite shows views that it did not learn from"


@dataclass(frozen=True)
class Decision:
    """`reason` says to a person why a version goes live or does not."""

    promoted: bool
    reason: str


def measure_live(
    library: Library,
    views: Sequence[View],
    clutter: CompositeDataset,
    count: int,
    device: str,
    progress: ProgressCallback | None = None,
) -> Live | None:
    """Average precision of the promoted version of `library`, as it was before it learned from its
    own held-out views, on `count` composites `clutter` of the `views` held out now.

    Both versions are measured on the same pictures, and neither has learned from what they show,
    or their figures would not compare. None when nothing is promoted. A version that does not load
    is not compared with, and a warning says so.
    """
    version = library.models.current()
    if version is None:
        return None
    record = library.models.record(version)
    known = sorted(set(record.labels) & set(clutter.labels))
    forgotten = _forgotten(library, record, views, known)
    learned = _learned_from(record, views)
    if learned.issuperset(known):
        return Live(version, {}, {}, forgotten, tuple(known))
    try:
        if fault := library.models.file_faults(version).get(MEASURED_FILE):
            raise AutomaskError(f"{MEASURED_FILE} {fault}")
        if MEASURED_FILE in record.lost:
            raise AutomaskError(f"its {MEASURED_FILE} was damaged and is lost")
        model = build(load_measured(library.models.directory(version)))
    except AutomaskError as error:
        _log.warning("the live model, version %d, is not compared with: %s", version, error)
        return Live(version, {}, {}, forgotten, tuple(known), "it does not load")
    predictor = Predictor.for_many(model, record.labels, device, clutter[0].image, count)
    found = measure_clutter(predictor, clutter, count, "compare", progress)
    measured = found["per_label"]
    compared = [
        label for label in known if label not in learned and measured[label]["AP"] is not None
    ]
    return Live(
        version,
        {label: float(measured[label]["AP"]) for label in compared},
        {label: int(measured[label]["instances"]) for label in compared},
        forgotten,
        tuple(label for label in known if label not in compared),
    )


def known_labels(models: ModelStore) -> tuple[str, ...]:
    """The labels that the promoted version knows; none where none is promoted."""
    version = models.current()
    return () if version is None else tuple(models.record(version).labels)


def live_image_size(models: ModelStore) -> int:
    """Shorter side in pixels at which the promoted version looks; 0 where none is.

    What both versions are compared on must not be smaller: the live one would see less there.
    """
    version = models.current()
    if version is None:
        return 0
    size = models.record(version).image_size
    return size if isinstance(size, int) else min(size)


def _forgotten(
    library: Library, record: ModelRecord, views: Sequence[View], known: Sequence[str]
) -> tuple[str, ...]:
    """What a version knows and a fresh one, of `views` and with `known` labels, would not.

    An object whose folder a person has removed is not forgotten: it is not wanted any more.
    """
    lost = set(record.labels) - set(known)
    if not lost and set(record.labels) == {CLASS_AGNOSTIC}:
        # One class for all: which objects it stands for, the views say.
        lost = set(_views(record)) - {view.label for view in views}
    return tuple(label for label in sorted(lost) if library.views(label))


def _views(record: ModelRecord) -> Mapping[str, Any]:
    """The ids of a version's views, by label and by what they were for."""
    views: Mapping[str, Any] = (record.model_extra or {}).get("views", {})
    return views


def _learned_from(record: ModelRecord, views: Sequence[View]) -> set[str]:
    """The labels of those `views` that taught a version."""
    parts = _views(record)
    return {
        name_of(view.label, record.labels) or view.label
        for view in views
        if view.id in parts.get(view.label, {}).get("training", ())
    }


def decide(
    evaluation: Mapping[str, Any],
    live: Live | None,
    *,
    final: Mapping[str, Any],
    min_ap50: float,
    tolerance: float,
    learned_since: bool = True,
) -> Decision:
    """Promote when each new label has an AP50 of `min_ap50` at least on held-out views, and those
    that the live version knows are not forgotten.

    Among clutter made of held-out views the mean AP of the known labels may fall by no more than
    `tolerance`, that of each by no more than five times as much, or than chance would have it where
    few instances tell. A label that cannot be compared has to reach `min_ap50` like a new one.
    `final` is the evaluation on the same views of what is going to run, which may have
    `learned_since` from them: by more than chance it may not be worse than `evaluation`.
    """
    per_label = evaluation["per_label"]
    old = {} if live is None else live.per_label
    new = [label for label in per_label if label not in old]
    faults = _forgets(evaluation, live, tolerance)
    reached = {label: _known(per_label[label], "AP50") for label in sorted(new)}
    low = [f"{label} {ap50:.2f}" for label, ap50 in reached.items() if ap50 < min_ap50]
    if low:
        faults.append(f"held-out AP50 below {min_ap50:.2f}: {', '.join(low)}")
    measured, exported = _known(evaluation, "AP"), _known(final, "AP")
    if measured - exported > max(tolerance, _STORED if learned_since else 0.0):
        faults.append(
            f"as it was stored it reaches AP {exported:.3f} on held-out views, {measured:.3f} "
            "before; report this"
        )
    if faults:
        return Decision(False, "; ".join(faults))
    gains = [f"held-out AP50 at least {min_ap50:.2f} for {_listed(new)}"] if new else []
    if live is not None and old:
        gains.append(_compared(evaluation, live))
    if live is not None and live.not_compared:
        gains.append(
            f"{_listed(live.not_compared)} not compared with version {live.version}: "
            f"{live.obstacle}"
        )
    return Decision(True, "; ".join(gains))


def _forgets(evaluation: Mapping[str, Any], live: Live | None, tolerance: float) -> list[str]:
    """What a fresh version knows less well than the live one, in words."""
    if live is None:
        return []
    faults = []
    if live.forgotten:
        faults.append(
            f"it would forget {', '.join(live.forgotten)}, which version {live.version} knows"
        )
    falls = {
        label: before - _known(evaluation["clutter"]["per_label"][label], "AP")
        for label, before in live.per_label.items()
    }
    if not falls:
        return faults
    allowed = max(tolerance, _CHANCE / math.sqrt(max(sum(live.instances.values()), 1)))
    if sum(falls.values()) / len(falls) > allowed:
        return [*faults, _compared(evaluation, live)]
    for label, fall in falls.items():
        chance = _CHANCE_OF_ONE / math.sqrt(max(live.instances[label], 1))
        if fall > max(_TOLERANCES_OF_ONE * tolerance, chance):
            before = live.per_label[label]
            faults.append(
                f"AP of {label} among clutter {before - fall:.3f}, "
                f"in version {live.version} {before:.3f}"
            )
    return faults


def _compared(evaluation: Mapping[str, Any], live: Live) -> str:
    """The mean AP of the known labels, now and in the live version, in words."""
    now = evaluation["clutter"]["per_label"]
    before = sum(live.per_label.values()) / len(live.per_label)
    after = sum(_known(now[label], "AP") for label in live.per_label) / len(live.per_label)
    return (
        f"AP of {_listed(live.per_label)} among clutter {after:.3f}, "
        f"in version {live.version} {before:.3f}"
    )


def _known(values: Mapping[str, Any], name: str) -> float:
    return float(values[name] or 0.0)


def _listed(labels: Mapping[str, float] | Sequence[str]) -> str:
    names = sorted(labels)
    return ", ".join(names) if len(names) <= 5 else f"{len(names)} objects"
