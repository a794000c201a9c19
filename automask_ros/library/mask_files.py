"""Whose work a mask's file is: the generator's, or that of a person who painted over it.

A view's JSON holds the SHA-256 of the file that was written with its verdict, and of its pixels. A
file whose pixels differ was drawn by a person, and the verdict beside it is about something else.
It is noticed here, whenever views are listed, so that training, reports and nodes all see the same.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from automask_ros.errors import AutomaskError
from automask_ros.library.image_file import BadImage, pixels_digest, read_file, read_mask_file
from automask_ros.library.records import MaskRecord, ViewRecord
from automask_ros.types import PERSON, BoolMask, Verdict

_LOGGER = logging.getLogger(__name__)

DRAWN: Final = "drawn by a person"
DRAWN_VERDICT: Final = Verdict(True, 1.0, (DRAWN,))
# No object reaches around its whole picture; what does is the background, painted white.
_MOST_BORDER = 0.95


@dataclass(frozen=True)
class MaskState:
    """What is known of a mask: the verdict that counts, who made it, and when (unix seconds);
    ``sha256`` is its file's, None when that cannot be used."""

    verdict: Verdict
    made_by: str
    made_at: float
    sha256: str | None


@dataclass(frozen=True)
class _Painted:
    """A mask's file as it was when last looked at; ``fault`` is why it cannot be used, in words
    that follow its name, ``pixels`` the digest of its pixels when it can be read."""

    digest: str
    size: tuple[int, int]
    fault: str | None
    pixels: str | None


class MaskFiles:
    """The mask files of one object; each is read again only when it was replaced."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[tuple[int, int, int], str]] = {}
        self._painted: dict[Path, _Painted] = {}

    def state(
        self, path: Path, record: ViewRecord, read_again: Callable[[], ViewRecord]
    ) -> MaskState | None:
        """What is known of the mask at ``path``; None when the view counts as without mask.

        ``read_again`` reads the view's JSON anew: a writer may have replaced both since ``record``
        was read, and its mask must not pass for a person's.
        """
        if record.mask is None:
            return None
        try:
            status = path.lstat()
            signature = (status.st_ino, status.st_mtime_ns, status.st_size)
            digest = self._digest(path, signature)
        except (OSError, AutomaskError) as error:
            if _is_gone(path):
                return None
            return _unusable(path, _fault_of(error), record.mask.made_at)
        if (written := record.mask.of_file(digest)) is not None:
            return _as_written(written, digest)
        # The JSON tells of new pixels before they are written, so it knows every writer of ours.
        now = read_again()
        if now.mask is None:
            return None
        if (written := now.mask.of_file(digest)) is not None:
            return _as_written(written, digest)
        return self._repainted(path, digest, now, status.st_mtime)

    def _digest(self, path: Path, signature: tuple[int, int, int]) -> str:
        known = self._known.get(path)
        if known is None or known[0] != signature:
            known = signature, hashlib.sha256(read_file(path, links=False)).hexdigest()
            self._known[path] = known
        return known[1]

    def _repainted(self, path: Path, digest: str, record: ViewRecord, made_at: float) -> MaskState:
        size = (record.height, record.width)
        painted = self._painted.get(path)
        if painted is None or (painted.digest, painted.size) != (digest, size):
            painted = self._painted[path] = _looked_at(path, digest, size)
            if painted.fault:
                _LOGGER.error("the mask %s %s", path, painted.fault)
        if record.mask is not None and record.mask.pixels_sha256 == painted.pixels is not None:
            # saved again by a program, changed by nobody
            return _as_written(record.mask, digest)
        if painted.fault:
            return _unusable(path, painted.fault, made_at)
        return MaskState(DRAWN_VERDICT, PERSON, made_at, digest)


def _as_written(mask: MaskRecord, digest: str) -> MaskState:
    verdict = Verdict(mask.accepted, mask.score, mask.reasons)
    return MaskState(verdict, mask.made_by, mask.made_at, digest)


def _unusable(path: Path, fault: str, made_at: float) -> MaskState:
    # A verdict stands below its view's picture: there is no room for folders, nor need of them.
    verdict = Verdict(False, 0.0, (f"the mask {path.name} {fault}",))
    return MaskState(verdict, PERSON, made_at, None)


def _looked_at(path: Path, digest: str, size: tuple[int, int]) -> _Painted:
    try:
        pixels = read_mask_file(path)
    except AutomaskError as error:
        return _Painted(digest, size, _fault_of(error), None)
    return _Painted(digest, size, _fault(pixels, size), pixels_digest(pixels))


def _fault(pixels: BoolMask, size: tuple[int, int]) -> str | None:
    """Why a painted mask cannot be used, in words that follow its name; None when it can."""
    if pixels.shape != size:
        height, width = pixels.shape
        return (
            f"was repainted at {width}x{height}, but its view is {size[1]}x{size[0]}; paint it at "
            "that size, or delete it for a new one"
        )
    if not pixels.any():
        return (
            "was repainted, but no pixel of it is white; paint the object white on black, or "
            "delete it for a new one"
        )
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    if border.mean() > _MOST_BORDER:
        return (
            "was repainted, but the border of the picture is white; paint the object white on "
            "black, not the other way round, or delete it for a new one"
        )
    return None


def _is_gone(path: Path) -> bool:
    """True for a file that was deleted; one that cannot be looked at may be a person's work."""
    try:
        path.stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return False


def _fault_of(error: OSError | AutomaskError) -> str:
    """What was found wrong when a mask was read, with what a mask's owner can do about it."""
    if isinstance(error, BadImage):
        fault = error.fault
    else:
        cause = error if isinstance(error, OSError) else error.__cause__
        why = cause.strerror if isinstance(cause, OSError) else None
        fault = f"cannot be read ({why})" if why else "cannot be read"
    return f"{fault}; save it as PNG again, or delete it for a new one"
