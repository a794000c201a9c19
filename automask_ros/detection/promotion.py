"""Whether a fresh version goes live: what it learned, and what it must not have forgotten."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automask_ros.detection.evaluation import coco_results, evaluate_results
from automask_ros.detection.holdout import coco_truth
from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import Progress, ProgressCallback, View

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """The promoted version on the views that a fresh one is measured on.

    `per_label` maps each label that it knows to its AP there; `forgotten` are those of which the
    fresh version has no view to be measured on.
    """

    version: int
    per_label: dict[str, float]
    forgotten: tuple[str, ...] = ()


@dataclass(frozen=True)
class Decision:
    """`reason` says to a person why a version goes live or does not."""

    promoted: bool
    reason: str


def measure_live(
    library: Library,
    views: Sequence[View],
    device: str,
    progress: ProgressCallback | None = None,
) -> Live | None:
    """Average precision of the promoted version of `library` on held-out `views` of its labels.

    Both versions are measured on the same pictures, or their figures would not compare. None when
    nothing is promoted, or when what is does not load: then there is nothing to lose.
    """
    version = library.models.current()
    if version is None:
        return None
    known = library.models.record(version).labels
    shown = [view for view in views if view.label in known]
    taught = {view.label for view in shown}
    # An object whose folder a person has removed is not forgotten: it is not wanted any more.
    forgotten = sorted(label for label in known if label not in taught and library.views(label))
    if not shown:
        return Live(version, {}, tuple(forgotten))
    try:
        predictor = Predictor.from_version(library, version, device)
    except AutomaskError as error:
        _log.warning("the live model, version %d, is not compared with: %s", version, error)
        return None
    results: list[dict[str, Any]] = []
    for number, view in enumerate(shown):
        found = predictor.detect_all(library.read_image(view))
        results += coco_results(found, number, known)
        if progress is not None:
            progress(Progress("compare", number + 1, len(shown)))
    labels = {label: known[label] for label in sorted(taught)}
    evaluation = evaluate_results(coco_truth(library, shown, labels), results, labels)
    per_label = {label: float(v["AP"] or 0.0) for label, v in evaluation["per_label"].items()}
    return Live(version, per_label, tuple(forgotten))


def decide(
    evaluation: Mapping[str, Any], live: Live | None, *, min_ap50: float, tolerance: float
) -> Decision:
    """Promote when each new label has an AP50 of `min_ap50` at least, and the mean AP of those that
    the live version knows falls by no more than `tolerance`; all on held-out views."""
    per_label = evaluation["per_label"]
    old = {} if live is None else live.per_label
    new = [label for label in per_label if label not in old]
    faults: list[str] = []
    if live is not None and live.forgotten:
        faults.append(
            f"it would forget {', '.join(live.forgotten)}, which version {live.version} knows"
        )
    reached = {label: _known(per_label[label], "AP50") for label in sorted(new)}
    low = [f"{label} {ap50:.2f}" for label, ap50 in reached.items() if ap50 < min_ap50]
    if low:
        faults.append(f"held-out AP50 below {min_ap50:.2f}: {', '.join(low)}")
    gains: list[str] = []
    if live is not None and old:
        before = sum(old.values()) / len(old)
        after = sum(_known(per_label[label], "AP") for label in old) / len(old)
        words = f"held-out AP of {_listed(old)} {after:.3f}, in version {live.version} {before:.3f}"
        (faults if before - after > tolerance else gains).append(words)
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
