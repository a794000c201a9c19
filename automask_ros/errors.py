"""The one error that is meant for a person's eyes."""

import re

# What a terminal obeys or an eye does not see: control characters, line ends, directions of
# writing, and halves of characters from names in no encoding, which could not even be printed.
_NOT_PRINTED = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)


def printable(text: str) -> str:
    """A text from anywhere as one line that a terminal shows and does not obey."""
    return _NOT_PRINTED.sub(lambda found: ascii(found[0])[1:-1], text)


class AutomaskError(Exception):
    """Something the user can put right: one line that names the cause and the remedy.

    The command line prints it as ``automask: <line>`` and exits with 2; nodes log it and report it
    to ``/diagnostics``. Anything else that is raised is a defect of this package.
    """

    def __str__(self) -> str:
        return printable(super().__str__())


class StorageError(AutomaskError):
    """The disk's doing, whatever was asked of it: full, read-only, failing or gone.

    The same may succeed later, when somebody has put the disk right.
    """
