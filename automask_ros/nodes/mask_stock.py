"""What lies in a library of masks, as `mask_generator` tells it on /diagnostics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from automask_ros.library.outcomes import Outcome, count_outcomes, refusals
from automask_ros.types import PERSON, View


@dataclass(frozen=True)
class MaskStock:
    """`counts` has each outcome and each kind of refusal; `unusable` names a mask that a person
    painted and nobody can use, in one line, empty without one."""

    counts: dict[str, int] = field(default_factory=dict)
    unusable: str = ""


def take_stock(views: Sequence[View]) -> MaskStock:
    """Count the masks of `views`, refused ones by their reasons."""
    outcomes = count_outcomes(views)
    counts = {each.value: outcomes[each] for each in Outcome if each is not Outcome.WAITING}
    counts |= {f"refused: {kind}": len(refused) for kind, refused in refusals(views).items()}
    painted = (view for view in views if view.made_by == PERSON and not view.drawn)
    unusable = (f"{view.label}: {view.verdict.reasons[0]}" for view in painted if view.verdict)
    return MaskStock(counts, next(unusable, ""))
