"""A queue of frames for a worker that has to see each of them, and is now and then too slow."""

from __future__ import annotations

import threading
from collections import deque

MOST_FRAMES = 300
"""Ten seconds of a camera at 30 Hz."""
MOST_BYTES = 256 * 2**20
"""Of memory: four seconds of raw VGA pictures, or the 300 frames where they are compressed."""


class FrameQueue:
    """Holds serialized frames in the order of their coming; the oldest make room for new ones.

    In contrast to NewestFrame nothing is left out while the worker keeps up on the whole. What had
    to make room is counted as dropped.
    """

    def __init__(self, most_frames: int = MOST_FRAMES, most_bytes: int = MOST_BYTES) -> None:
        self._most_frames, self._most_bytes = most_frames, most_bytes
        self._condition = threading.Condition()
        self._frames: deque[bytes] = deque()
        self._bytes = 0
        self._closed = False
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._frames)

    def put(self, frame: bytes) -> None:
        """Leave the newest frame; never blocks on the worker. One frame always has room."""
        with self._condition:
            self._frames.append(frame)
            self._bytes += len(frame)
            while len(self._frames) > 1 and (
                len(self._frames) > self._most_frames or self._bytes > self._most_bytes
            ):
                self._pop()
                self.dropped += 1
            self._condition.notify()

    def take(self) -> dict[int, bytes] | None:
        """Wait for a frame and take the oldest, as from a single source; None once closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._frames or self._closed)
            return None if self._closed else {0: self._pop()}

    def clear(self) -> None:
        """Forget what waits, without counting it as dropped."""
        with self._condition:
            self._frames.clear()
            self._bytes = 0

    def close(self) -> None:
        """Let `take` return None from now on."""
        with self._condition:
            self._closed = True
            self._condition.notify_all()

    def _pop(self) -> bytes:
        frame = self._frames.popleft()
        self._bytes -= len(frame)
        return frame
