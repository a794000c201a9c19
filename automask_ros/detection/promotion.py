"""Whether a fresh version goes live: what it learned, and what it must not have forgotten."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from automask_ros.detection.measuring import measure_views
from automask_ros.detection.prediction import Predictor
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.types import ProgressCallback, View

# AP that one view makes when the IoU of its mask falls by 0.1, times how many views there are; and
# two such falls are chance.
_ONE_VIEW = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Live:
    """The promoted version on the views that a fresh one is measured on.

    `per_label` maps each label that it knows to its AP there; `forgotten` are those of which the
    fresh version has no view to be measured on. `views` were looked at.
    """

    version: int
    per_label: dict[str, float]
    forgotten: tuple[str, ...] = ()
    views: int = 100


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
        return Live(version, {}, tuple(forgotten), 0)
    try:
        predictor = Predictor.from_version(library, version, device)
    except AutomaskError as error:
        _log.warning("the live model, version %d, is not compared with: %s", version, error)
        return None
    evaluation = measure_views(predictor, library, shown, "compare", progress)
    per_label = {label: float(v["AP"] or 0.0) for label, v in evaluation["per_label"].items()}
    return Live(version, per_label, tuple(forgotten), len(shown))


def decide(
    evaluation: Mapping[str, Any],
    live: Live | None,
    *,
    final: Mapping[str, Any],
    min_ap50: float,
    tolerance: float,
) -> Decision:
    """Promote when each new label has an AP50 of `min_ap50` at least, and the mean AP of those that
    the live version knows falls by no more than `tolerance`, or than chance would have it where
    few views tell; all on held-out views.

    `final` is the evaluation on the same views of what is going to run, which may have learned
    from them since `evaluation`: by more than `tolerance` it may not be worse.
    """
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
    measured, exported = _known(evaluation, "AP"), _known(final, "AP")
    if measured - exported > max(tolerance, _ONE_VIEW):
        faults.append(
            f"as it was stored it reaches AP {exported:.3f} on held-out views, {measured:.3f} "
            "before; report this"
        )
    gains: list[str] = []
    if live is not None and old:
        before = sum(old.values()) / len(old)
        after = sum(_known(per_label[label], "AP") for label in old) / len(old)
        words = f"held-out AP of {_listed(old)} {after:.3f}, in version {live.version} {before:.3f}"
        allowed = max(tolerance, _ONE_VIEW / live.views)
        (faults if before - after > allowed else gains).append(words)
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
