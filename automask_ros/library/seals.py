"""The checksum that ends each JSON record of a library: it tells whether a byte was changed.

The last field of a record, ``checksum``, is the SHA-256 of all that stands before its line. A
person who edits a record deletes that line: what has none is taken as it is.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final

from automask_ros.library import files

CHECKSUM: Final = "checksum"
_END = re.compile(rb',\n  "checksum": "([0-9a-f]{64})"\n}\n')
_END_BYTES = len(',\n  "checksum": ""\n}\n') + 64
_MOST_BYTES = 64 * 1024  # a flipped bit is looked for in records up to here: seconds


class Seal(Enum):
    """What a record's checksum says of it."""

    WHOLE = "whole"
    BROKEN = "changed by hand or damaged"
    NONE = "without checksum"


def write_sealed(path: Path, content: Mapping[str, Any]) -> None:
    """Write plain data as readable JSON with its checksum, atomically and durably.

    Raises ValueError for NaN and infinities: other languages could not read them back.
    """
    fields = {name: value for name, value in content.items() if name != CHECKSUM}
    text = json.dumps(fields, indent=2, allow_nan=False, ensure_ascii=False)
    files.write_bytes(path, _with_end(text.removesuffix("\n}").encode()))


def seal_of(data: bytes) -> Seal:
    """What the checksum of a record's file says."""
    end = _END.fullmatch(data[-_END_BYTES:])
    if end is not None:
        whole = hashlib.sha256(data[:-_END_BYTES]).hexdigest().encode() == end[1]
        return Seal.WHOLE if whole else Seal.BROKEN
    if b'"checksum"' in data or unflipped(data) is not None:
        return Seal.BROKEN
    return Seal.NONE


def unflipped(data: bytes) -> bytes | None:
    """A record as it was before one bit of it flipped; None when no single flip explains it."""
    body = data[:-_END_BYTES]
    rebuilt = _with_end(body)
    if len(rebuilt) == len(data) and _flips(rebuilt, data) == 1:
        return rebuilt
    end = _END.fullmatch(data[-_END_BYTES:])
    if end is None or len(data) > _MOST_BYTES:
        return None
    wanted = bytes.fromhex(end[1].decode())
    before = hashlib.sha256()
    for place, byte in enumerate(body):
        rest = body[place + 1 :]
        for bit in range(8):
            trial = before.copy()
            trial.update(bytes((byte ^ 1 << bit,)))
            trial.update(rest)
            if trial.digest() == wanted:
                return body[:place] + bytes((byte ^ 1 << bit,)) + data[place + 1 :]
        before.update(bytes((byte,)))
    return None


def _with_end(body: bytes) -> bytes:
    digest = hashlib.sha256(body).hexdigest()
    return body + f',\n  "{CHECKSUM}": "{digest}"\n}}\n'.encode()


def _flips(one: bytes, other: bytes) -> int:
    """How many bits differ."""
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).bit_count()
