"""Bringing a source's pictures into the library as views of one object."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import Broken, pixels_digest
from automask_ros.library.labels import check_label
from automask_ros.library.library import Library
from automask_ros.library.sources import Source
from automask_ros.library.view_selector import ViewSelector
from automask_ros.types import BGRImage, Frame, Progress, ProgressCallback, View


@dataclass
class Added:
    """What became of a source's pictures.

    ``added`` are new views, ``already_there`` were in the library with the same pixels,
    ``not_kept`` counts the others by the reason's first words, ``broken`` could not be read, and
    the name of ``clashing`` ones is another picture's.
    """

    added: list[View] = field(default_factory=list)
    already_there: int = 0
    not_kept: Counter[str] = field(default_factory=Counter)
    broken: list[Broken] = field(default_factory=list)
    clashing: list[Broken] = field(default_factory=list)


def add_source(
    library: Library,
    label: str,
    source: Source,
    *,
    most: int | None = None,
    progress: ProgressCallback | None = None,
) -> Added:
    """Add the pictures of a source to an object: of a sequence the sharp and new ones, else all.

    With ``most``, that many are taken, spread evenly over the source. Doing it again adds nothing,
    nor does the same picture under another name: it would teach and measure at once. AutomaskError
    when no picture can be read or used.
    """
    check_label(label)
    outcome = Added()
    pictures = _Pictures(library, label)
    wanted = None if most is None else _spread(_candidates(library, label, source), most)
    chooser = _Chooser(library, label, source.sequence)
    for step, frame in enumerate(source, start=1):
        _add_frame(library, label, frame, chooser, wanted, outcome, pictures)
        if progress is not None:
            progress(Progress("capture", min(step, len(source)), len(source)))
    outcome.broken += source.broken
    _check(outcome, source, anything=bool(library.views(label)))
    return outcome


class _Pictures:
    """The pictures that an object has, by their pixels; read when the first is asked for."""

    def __init__(self, library: Library, label: str) -> None:
        self._library, self._label = library, label

    @cached_property
    def _known(self) -> set[str]:
        known = set()
        for view in self._library.views(self._label):
            # A damaged view is no reason to refuse new ones; what reads it says what is wrong.
            with suppress(AutomaskError):
                known.add(pixels_digest(self._library.read_image(view)))
        return known

    def take(self, image: BGRImage) -> bool:
        """Whether a picture is new; from now on it is not."""
        digest = pixels_digest(image)
        is_new = digest not in self._known
        self._known.add(digest)
        return is_new


class _Chooser:
    """Says of each frame why it is not to be kept; None when it is."""

    def __init__(self, library: Library, label: str, sequence: bool) -> None:
        self._selector = ViewSelector() if sequence else None
        if self._selector is not None:
            for view in library.views(label)[-self._selector.config.remembered :]:
                with suppress(AutomaskError):  # as above
                    self._selector.remember(library.read_image(view))

    def refusal(self, frame: Frame) -> str | None:
        if self._selector is None:
            return None
        selection = self._selector.consider(frame.image)
        return None if selection.keep else selection.reason


def _candidates(library: Library, label: str, source: Source) -> list[str]:
    """The names of all frames that would be views if there were no limit."""
    chooser = _Chooser(library, label, source.sequence)
    names = []
    for frame in source:
        refused = chooser.refusal(frame) is not None
        if not refused or library.has_view(label, frame.name):
            names.append(frame.name)
    return names


def _spread(names: list[str], most: int) -> set[str]:
    """At most that many of the names, evenly spaced."""
    if most >= len(names):
        return set(names)
    places = np.linspace(0, len(names) - 1, most).round().astype(int)
    return {names[place] for place in places}


def _add_frame(
    library: Library,
    label: str,
    frame: Frame,
    chooser: _Chooser,
    wanted: set[str] | None,
    outcome: Added,
    pictures: _Pictures,
) -> None:
    # Asked even for frames that are there already, so that a second run decides like the first.
    refusal = chooser.refusal(frame)
    if library.has_view(label, frame.name):
        _compare(library, label, frame, outcome)
    elif refusal is not None:
        outcome.not_kept[refusal.partition(" (")[0]] += 1
    elif wanted is not None and frame.name not in wanted:
        outcome.not_kept["more than wanted"] += 1
    elif not pictures.take(frame.image):
        outcome.not_kept["there under another name"] += 1
    else:
        try:
            view = library.add_view(
                label,
                frame.image,
                captured_at=frame.stamp,
                source=frame.source,
                camera=frame.camera,
                view_id=frame.name,
            )
        except AutomaskError:
            if not library.has_view(label, frame.name):
                raise
            _compare(library, label, frame, outcome)  # another process was faster
        else:
            outcome.added.append(view)


def _compare(library: Library, label: str, frame: Frame, outcome: Added) -> None:
    """Whether a frame is the view of its name, or has only its name; a damaged image that was this
    frame is put right."""
    try:
        known = library.view(label, frame.name)
    except AutomaskError as error:  # its record is damaged: see automask check
        outcome.broken.append(Broken(frame.name, str(error)))
        return
    try:
        same = np.array_equal(library.read_image(known), frame.image)
    except AutomaskError as error:
        if not library.restore_image(known, frame.image):
            outcome.broken.append(Broken(frame.name, str(error)))
            return
        same = True
    if same:
        outcome.already_there += 1
        return
    reason = (
        f"{label} already has another picture as view {frame.name} (from {known.source}); "
        f"rename {frame.source}, or use another library"
    )
    outcome.clashing.append(Broken(frame.name, reason))


def _check(outcome: Added, source: Source, anything: bool) -> None:
    """AutomaskError when a source gave nothing, and the object has not anything from before."""
    if outcome.added or outcome.already_there:
        return
    if outcome.clashing:
        raise AutomaskError(outcome.clashing[0].reason)
    if len(outcome.broken) >= len(source) or not outcome.not_kept:
        first = outcome.broken[0].reason if outcome.broken else "it is empty"
        raise AutomaskError(f"none of the {len(source)} pictures can be read; the first: {first}")
    if anything:
        return
    reasons = ", ".join(f"{count} {reason}" for reason, count in outcome.not_kept.items())
    raise AutomaskError(
        f"no picture is usable as a view ({reasons}); show the object again, slower"
    )
