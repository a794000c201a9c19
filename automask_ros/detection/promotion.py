"""Whether a fresh version goes live: what it learned, and what it must not have forgotten."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automask_ros.detection.base_models import build, load_measured
from automask_ros.detection.classes import name_of
from automask_ros.detection.composites import CompositeDataset
from automask_ros.detection.measuring import measure_clutter
from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.records import ModelRecord
from automask_ros.types import ProgressCallback, View

# AP that one view makes when the IoU of its mask falls by 0.1, times how many views there are; and
# two such falls are chance.
_ONE_VIEW = 0.2
# Fall of a mean AP that chance explains, times the square root of the instances that tell: at 100
# of them, trainings on other composites of the same views have a standard deviation of 0.035.
_CHANCE = 0.5

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """The promoted version on the composites that a fresh one is measured on.

    `per_label` maps each label that it knows to its AP there; `forgotten` are those of which the
    fresh version has no view, `not_compared` those of which no picture shows what neither version
    learned from. `instances` were there to be found.
    """

    version: int
    per_label: dict[str, float]
    forgotten: tuple[str, ...] = ()
    not_compared: tuple[str, ...] = ()
    instances: int = 1000


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
    or their figures would not compare. None when nothing is promoted, or when what is does not
    load: then there is nothing to lose.
    """
    version = library.models.current()
    if version is None:
        return None
    record = library.models.record(version)
    known = sorted(set(record.labels) & set(clutter.labels))
    # An object whose folder a person has removed is not forgotten: it is not wanted any more.
    forgotten = [
        label for label in sorted(record.labels) if label not in known and library.views(label)
    ]
    learned = _learned_from(record, views)
    if learned.issuperset(known):
        return Live(version, {}, tuple(forgotten), tuple(known), 0)
    try:
        model = build(load_measured(library.models.directory(version)))
    except AutomaskError as error:
        _log.warning("the live model, version %d, is not compared with: %s", version, error)
        return None
    predictor = Predictor.from_model(model, record.labels, device=device)
    found = measure_clutter(predictor, clutter, count, "compare", progress)
    per_label = {
        label: float(found["per_label"][label]["AP"])
        for label in known
        if label not in learned and found["per_label"][label]["AP"] is not None
    }
    not_compared = [label for label in known if label not in per_label]
    return Live(version, per_label, tuple(forgotten), tuple(not_compared), found["instances"])


def _learned_from(record: ModelRecord, views: Sequence[View]) -> set[str]:
    """The labels of those `views` that taught a version."""
    parts = (record.model_extra or {}).get("views", {})
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
) -> Decision:
    """Promote when each new label has an AP50 of `min_ap50` at least on held-out views, and the
    mean AP of those that the live version knows, among clutter made of such views, falls by no
    more than `tolerance`, or than chance would have it where few instances tell.

    `final` is the evaluation on the same views of what is going to run, which may have learned
    from them since `evaluation`: by more than `tolerance` it may not be worse.
    """
    per_label = evaluation["per_label"]
    old = {} if live is None else live.per_label
    unknown = () if live is None else live.not_compared
    new = [label for label in per_label if label not in old and label not in unknown]
    faults: list[str] = []
    if live is not None and live.forgotten:
        faults.append(
            f"it would forget {', '.join(live.forgotten)}, which version {live.version} knows"
        )
    reached = {label: _known(per_label[label], "AP50") for label in sorted(new)}
    low = [f"{label} {ap50:.2f}" for label, ap50 in reached.items() if ap50 < min_ap50]
    if low:
        faults.append(f"held-out AP50 below {min_ap50:.2f}: {', '.join(low)}")
    measured, exported = _known(evaluation, "AP"), _known(final, "AP")
    if measured - exported > max(tolerance, _ONE_VIEW):
        faults.append(
            f"as it was stored it reaches AP {exported:.3f} on held-out views, {measured:.3f} "
            "before; report this"
        )
    gains: list[str] = []
    if live is not None and old:
        now = evaluation["clutter"]["per_label"]
        before = sum(old.values()) / len(old)
        after = sum(_known(now[label], "AP") for label in old) / len(old)
        allowed = max(tolerance, _CHANCE / math.sqrt(live.instances))
        (faults if before - after > allowed else gains).append(
            f"AP of {_listed(old)} among clutter {after:.3f}, "
            f"in version {live.version} {before:.3f}"
        )
    if live is not None and unknown:
        gains.append(f"{_listed(unknown)} not compared: version {live.version} learned these views")
    if faults:
        return Decision(False, "; ".join(faults))
    if new:
        gains.insert(0, f"held-out AP50 at least {min_ap50:.2f} for {_listed(new)}")
    return Decision(True, "; ".join(gains))


def _known(values: Mapping[str, Any], name: str) -> float:
    return float(values[name] or 0.0)


def _listed(labels: Mapping[str, float] | Sequence[str]) -> str:
    names = sorted(labels)
    return ", ".join(names) if len(names) <= 5 else f"{len(names)} objects"
