"""Where the messages of a rosbag2 recording lie: in one file or in several, packed or not.

rosbags reads a folder by its metadata.yaml, and one storage file. What a recorder that was killed
leaves, parts without a metadata.yaml, and packed files alone, are brought to what it reads.
"""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

from backports import zstd

from automask_ros.errors import AutomaskError

METADATA = "metadata.yaml"
_SUFFIXES = (".mcap", ".db3")
_PACKED = ".zstd"
_PACKED_MAGIC = b"\x28\xb5\x2f\xfd"
"""How a packed message begins; one that is not packed begins with the byte 0."""


def is_recording(path: Path) -> bool:
    """True when the path looks like a rosbag2 recording."""
    if path.is_dir():
        return (path / METADATA).exists() or any(_is_storage(child) for child in path.iterdir())
    return _is_storage(path)


def recording_name(path: Path) -> str:
    """A recording's name: that of its folder or file, without what it is and how it is packed."""
    return Path(path.stem).stem if path.suffix == _PACKED else path.stem


def storage_files(path: Path) -> list[Path]:
    """The files of a recording in the order of their numbers, whatever metadata.yaml says."""
    if not path.is_dir():
        return [path]
    found = (child for child in path.iterdir() if _is_storage(child))
    return sorted(found, key=lambda child: (len(child.name), child.name))


@contextmanager
def readable(path: Path) -> Iterator[list[Path]]:
    """What rosbags can read of a recording: its folder, or its files one by one.

    Packed files lie unpacked in a temporary folder meanwhile. AutomaskError where there is none.
    """
    _check_files(path)
    if path.is_dir() and (path / METADATA).exists():
        yield [path]
        return
    if not (files := storage_files(path)):
        raise AutomaskError(f"{path} is no rosbag2 recording: it has no .mcap or .db3 file")
    with ExitStack() as stack:
        yield [stack.enter_context(unpacked(file)) for file in files]


@contextmanager
def unpacked(file: Path, whole: bool = True) -> Iterator[Path]:
    """A storage file as it was before it was packed; the file itself where it was not.

    Not `whole`: of a damaged one, what comes before the damage. AutomaskError where the temporary
    folder has no room for it.
    """
    if file.suffix != _PACKED:
        yield file
        return
    with TemporaryDirectory() as folder:
        target = Path(folder, file.stem)
        with told_where_no_room_is(file):
            _unpack(file, target, whole)
        yield target


@contextmanager
def told_where_no_room_is(recording: Path) -> Iterator[None]:
    """What is unpacked here may fill the temporary folder, which is no fault of the recording."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise AutomaskError(
            f"no room in {gettempdir()} to unpack {recording}: name another folder by TMPDIR"
        ) from error


def _unpack(file: Path, target: Path, whole: bool) -> None:
    with target.open("wb") as written, suppress(*() if whole else (zstd.ZstdError, EOFError)):
        with zstd.open(file, "rb") as packed:
            shutil.copyfileobj(packed, written)


def unpacked_message(data: bytes) -> bytes:
    """A message's bytes, which the recorder may have packed one by one."""
    return zstd.decompress(data) if data.startswith(_PACKED_MAGIC) else data


def _is_storage(path: Path) -> bool:
    name = path.stem if path.suffix == _PACKED else path.name
    return Path(name).suffix in _SUFFIXES


def _check_files(path: Path) -> None:
    """AutomaskError for what a reader would wait for, and for names that lead it elsewhere."""
    for file in [path] if not path.is_dir() else path.iterdir():
        if file.suffix not in (*_SUFFIXES, ".yaml", _PACKED):
            continue
        if not file.is_file():
            raise AutomaskError(f"{file} is no file, and no part of a recording; remove it")
        # SQLite is given an address, in which these stand for other characters.
        if set(file.name) & set("%?#"):
            raise AutomaskError(f"{ascii(file.name)} is no name for a recording; rename it")
