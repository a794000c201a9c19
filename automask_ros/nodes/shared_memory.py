"""What killed processes leave in shared memory: Fast DDS's segments, which nobody else removes.

Each participant takes its whole segment (`config/fastdds.xml`) from /dev/shm when it starts. One
that is killed never gives it back, and a robot whose nodes are killed often enough runs out of
memory. Fast DDS itself clears them away only by its command `fastdds shm clean`.
"""

from __future__ import annotations

import fcntl
import re
from pathlib import Path

_SHARED_MEMORY = Path("/dev/shm")
_SEGMENT = re.compile(r"fast(rtps|dds)_[0-9a-f]{16}")  # Fast DDS 2, Fast DDS 3
_LOCK = "_el"


def remove_abandoned_segments(directory: Path = _SHARED_MEMORY) -> int:
    """Remove the Fast DDS segments whose processes are gone; their bytes.

    A process holds an exclusive lock on the file beside its segment for as long as it lives, and
    takes it before it makes the segment. So what is there and not locked belongs to nobody.
    """
    freed = 0
    found = [path for path in directory.glob("fast*") if _SEGMENT.fullmatch(path.name)]
    for segment in found:
        lock = segment.with_name(segment.name + _LOCK)
        try:
            with lock.open("rb") as holder:
                fcntl.flock(holder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                size = segment.stat().st_size
                segment.unlink()
                lock.unlink()
                freed += size
        except OSError:
            continue  # alive, another user's, or removed by somebody else at this moment
    return freed
