"""The sections of a report that show every mask of a library, the worst ones first."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from automask_ros import drawing
from automask_ros.errors import AutomaskError
from automask_ros.library.library import Library
from automask_ros.library.outcomes import Outcome, count_outcomes, outcome_of, refusals
from automask_ros.library.report_sections import (
    Choice,
    Filter,
    Gallery,
    Picture,
    Section,
    Table,
    photograph,
    thumbnail,
)
from automask_ros.types import View

#: Colour never stands alone: each outcome also has a sign, a word and a frame of its own.
_SIGNS = {
    Outcome.ACCEPTED: "✓",
    Outcome.REFUSED: "✗",
    Outcome.DRAWN: "✎",
    Outcome.VETOED: "⊘",
    Outcome.WAITING: "…",
}
#: So many pictures at most are this wide, in pixels; a page must open on a phone.
_WIDTHS = ((60, 400), (240, 320), (800, 240))
_LEAST_WIDTH = 160


def mask_sections(library: Library, labels: Sequence[str]) -> list[Section]:
    """Counts, a filter by outcome, and for each label all its views with what was decided."""
    views = {label: library.views(label) for label in labels}
    width = _picture_width(sum(map(len, views.values())))
    sections: list[Section] = [_counts(views)]
    outcomes = count_outcomes(view for each in views.values() for view in each)
    if len(outcomes) > 1:
        choices = [
            Choice(each.name.lower(), f"{_SIGNS[each]} {each.value} ({outcomes[each]})")
            for each in Outcome
            if outcomes[each]
        ]
        sections.append(Filter("Show", choices))
    for label in labels:
        pictures = [_picture(library, view, width) for view in sorted(views[label], key=_rank)]
        note = _note(views[label])
        sections.append(Gallery(f"Masks of {label}", pictures, note, empty="There is no view."))
    return sections


def _counts(views: dict[str, list[View]]) -> Table:
    everything = [view for each in views.values() for view in each]
    rows = []
    for label, each in [*views.items(), ("all", everything)]:
        outcomes = count_outcomes(each)
        counts = (len(each), *(outcomes[outcome] for outcome in Outcome))
        rows.append([label, *map(str, counts)])
    header = [
        "object",
        "views",
        *(f"{_SIGNS[outcome]} {outcome.value}" for outcome in Outcome),
    ]
    return Table("Views and masks", header, rows, last_row_sums_up=True)


def _note(views: Sequence[View]) -> str:
    used = sum(view.trainable for view in views)
    note = f"{used} of {len(views)} views are used for training; the worst masks come first"
    reasons = ", ".join(f"{kind} ({len(ids)})" for kind, ids in refusals(views).items())
    refused = count_outcomes(views)[Outcome.REFUSED]
    return f"{note}. {refused} refused, each for one reason or more: {reasons}" if reasons else note


def _rank(view: View) -> tuple[bool, float, str]:
    """Sorts views with the least trusted mask first, those without any last."""
    return view.verdict is None, view.verdict.score if view.verdict else 0.0, view.id


def _picture_width(count: int) -> int:
    return next((width for most, width in _WIDTHS if count <= most), _LEAST_WIDTH)


def _picture(library: Library, view: View, width: int) -> Picture:
    """A view with its mask; one whose files cannot be read still has its place and its words."""
    outcome = outcome_of(view)
    sign = _SIGNS[outcome]
    reasons = list(view.verdict.reasons) if view.verdict else []
    try:
        image = thumbnail(library.read_image(view), width)
    except AutomaskError as error:
        image = np.full((max(1, width * view.height // view.width), width, 3), 128, np.uint8)
        # The file's name alone: below a small picture, its folders are nothing but lines.
        path = library.image_path(view.label, view.id)
        reasons.append(str(error).replace(str(path), path.name))
    else:
        pixels = library.usable_mask(view)
        if pixels is not None:
            # A veto says nothing of the mask itself: its outline is neither one's.
            verdict = None if outcome is Outcome.VETOED else view.verdict
            image = drawing.draw_mask(image, thumbnail(pixels, width), verdict, words=False)
    score = f" {view.verdict.score:.2f}" if view.verdict else ""
    return Picture(
        photograph(image),
        f"{view.label}: {view.id}",
        tone=outcome.name.lower(),
        remark=f"{sign} {outcome.value}{score}",
        reasons=reasons,
    )
