"""Numbers and the rest out of a fuzzer's bytes; where they end, zeros follow."""

from __future__ import annotations


class Provider:
    """Takes numbers from the front of `data`."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def uint8(self) -> int:
        """The next byte."""
        return self._number(1)

    def uint16(self) -> int:
        """The next two bytes, little-endian."""
        return self._number(2)

    def rest(self) -> bytes:
        """All that was not taken."""
        return self._data[self._at :]

    def _number(self, size: int) -> int:
        start, self._at = self._at, self._at + size
        return int.from_bytes(self._data[start : self._at], "little")
