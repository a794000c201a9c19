"""Names that are safe to become paths: labels of objects and ids of views."""

from __future__ import annotations

import re

from automask_ros.errors import AutomaskError

_LABEL = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_VIEW_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_NOT_IN_VIEW_ID = re.compile(r"[^A-Za-z0-9._-]")


def check_label(label: str) -> str:
    """Return the label, or raise AutomaskError when it is no safe name for an object."""
    if isinstance(label, str) and _LABEL.fullmatch(label):
        return label
    raise AutomaskError(
        f"label {_shown(label)} is not usable: take 1 to 64 lower-case letters, digits, '_' or '-'"
        ", beginning with a letter or digit (like blue_mug)"
    )


def suggested_label(name: str) -> str:
    """A label that a name may be meant as: "Coffee Mug" is ``coffee_mug``."""
    label = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:64]
    return label or "object"


def check_view_id(view_id: str) -> str:
    """Return the id, or raise AutomaskError when it is no safe name for a view's files."""
    if isinstance(view_id, str) and _VIEW_ID.fullmatch(view_id) and ".." not in view_id:
        return view_id
    raise AutomaskError(
        f"view id {_shown(view_id)} is not usable: take 1 to 128 letters, digits, '.', '_' or '-',"
        " beginning with a letter or digit and without '..'"
    )


def view_id_from_name(name: str) -> str:
    """The view id for a file's stem: the stem itself, with '_' for each character not allowed."""
    view_id = _NOT_IN_VIEW_ID.sub("_", name).replace("..", "__")[:128]
    if not view_id[:1].isalnum():
        view_id = f"v{view_id}"[:128]
    return check_view_id(view_id)


def _shown(name: object) -> str:
    """The name as one short printable piece of a line, whatever it holds."""
    text = ascii(name)
    return text if len(text) <= 80 else f"{text[:77]}..."
