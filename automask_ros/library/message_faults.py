"""What can be wrong with a message, as a few fixed kinds that can be counted."""

from __future__ import annotations

from enum import Enum

from automask_ros.errors import AutomaskError


class Fault(Enum):
    """The kinds of faults. They stand on /diagnostics as they are written here.

    There are no others, whatever a message holds: what counts them needs no bound.
    """

    SERIALIZED = "serialized message damaged"
    TEXT = "text too long"
    ENCODING = "unknown encoding"
    NO_PIXELS = "no pixels"
    TOO_LARGE = "too large"
    ODD = "odd side"
    STEP = "step less than a row"
    SHORT = "data shorter than its header says"
    FORMAT = "unknown picture format"
    PICTURE = "compressed picture damaged"
    DEPTH = "depth in place of colour"
    CAMERA = "camera_info of no camera"
    VIEW = "depth of another view"
    MODEL = "model of another library"
    OTHER = "other"

    @classmethod
    def of(cls, error: AutomaskError) -> Fault:
        """The kind of an error; OTHER where its words alone say what is wrong."""
        return error.kind if isinstance(error, BadMessage) else cls.OTHER


class BadMessage(AutomaskError):
    """A message, or a picture in one, that cannot be used. ``kind`` says how it is bad."""

    def __init__(self, line: str, kind: Fault) -> None:
        super().__init__(line)
        self.kind = kind
