"""What a model calls the objects of a library: each by its label, or all of them 'object'."""

from __future__ import annotations

from collections.abc import Mapping

CLASSES = ("labels", "object")
CLASS_AGNOSTIC = "object"
"""The label of a model that tells objects from background, and not from each other."""


def name_of(label: str, classes: Mapping[str, int]) -> str | None:
    """What a model with `classes` (name -> id) calls an object with `label`; None: nothing."""
    if label in classes:
        return label
    return CLASS_AGNOSTIC if set(classes) == {CLASS_AGNOSTIC} else None


def id_of(label: str, classes: Mapping[str, int]) -> int:
    """The class id of what `name_of` says; KeyError where it says None."""
    return classes[name_of(label, classes) or label]
