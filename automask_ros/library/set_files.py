"""The files of an annotated set, in a folder or in a zip file that is never unpacked.

Names are relative, with "/". What they name lies below the folder or in the archive: whoever asks
takes names apart before. A zip file's directory is believed in nothing: what it promises is bounded
before memory is taken for it.
"""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, Protocol

from automask_ros.errors import AutomaskError, StorageError
from automask_ros.library.coco_names import shown
from automask_ros.library.files import clear_read_errors, one_line
from automask_ros.library.inside import open_regular, read_regular

_MEGABYTE: Final = 1 << 20
#: Bytes that one packed byte may become. Deflate reaches 1032, annotations and pictures seldom 50.
_MOST_GROWTH: Final = 200
#: Folders that are parts of a set: alone in an archive, they are no set of their own.
_PARTS: Final = ("annotations", "data", "images")
#: Others than these take memory as a file's header says.
_METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, RuntimeError)


class SetFiles(Protocol):
    """Files of a set by their relative names."""

    path: Path

    def has(self, name: str) -> bool:
        """Whether there is a file of that name."""
        ...

    def listed(self, folder: str) -> list[str]:
        """The names of the files that lie directly in a folder ("" is the top), sorted."""
        ...

    def has_folder(self, folder: str) -> bool:
        """Whether there is a folder of that name."""
        ...

    def read(self, name: str, most: int) -> bytes:
        """What a file holds; AutomaskError when it cannot be read or has more than ``most``."""
        ...

    def modified(self, name: str) -> float:
        """When a file was last written, in unix seconds."""
        ...


class FolderFiles:
    """The files below a folder. A link in it is followed: an export may hold links to pictures."""

    def __init__(self, path: Path) -> None:
        if not path.is_dir():
            raise AutomaskError(f"there is no folder {path}; give --images the pictures' folder")
        self.path = path

    def has(self, name: str) -> bool:
        return os.path.isfile(self.path / name)  # says no to names that are too long

    def listed(self, folder: str) -> list[str]:
        with clear_read_errors(self.path / folder):
            return sorted(
                f"{folder}/{entry.name}" if folder else entry.name
                for entry in os.scandir(self.path / folder)
                if entry.is_file()
            )

    def has_folder(self, folder: str) -> bool:
        return os.path.isdir(self.path / folder)

    def read(self, name: str, most: int) -> bytes:
        try:
            with clear_read_errors(self.path / name):
                return read_regular(self.path / name, most, links=True)
        except StorageError as error:  # of one file: the others, and the library, are as they were
            raise AutomaskError(str(error)) from None

    def modified(self, name: str) -> float:
        return (self.path / name).stat().st_mtime


class ZipFiles:
    """The files of a zip archive. When all of them lie in one folder, names begin below it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(open_regular(path, links=True))
        except FileNotFoundError:
            raise AutomaskError(f"{path} does not exist") from None
        except OSError as error:
            raise AutomaskError(f"cannot read {path}: {error.strerror or error}") from error
        except _BAD_ZIP as error:
            raise AutomaskError(f"{path} is no zip file: {one_line(error)}") from None
        members = {each.filename: each for each in self._archive.infolist() if _is_file(each)}
        skip = _common_folder(members)
        self._members = {name[len(skip) :]: each for name, each in members.items()}

    def has(self, name: str) -> bool:
        return name in self._members

    def listed(self, folder: str) -> list[str]:
        return sorted(name for name in self._members if name.rpartition("/")[0] == folder)

    def has_folder(self, folder: str) -> bool:
        return any(name.startswith(f"{folder}/") for name in self._members)

    def read(self, name: str, most: int) -> bytes:
        member, place = self._members[name], f"{self.path}/{shown(name)}"
        growth = member.file_size // max(1, member.compress_size)
        if member.file_size > most:
            raise AutomaskError(f"{place} is larger than {most // _MEGABYTE} MiB; take it out")
        if member.file_size > _MEGABYTE and growth > _MOST_GROWTH:
            raise AutomaskError(
                f"{place} would become {growth} times as large; if it is meant so, unpack the "
                "archive and give its folder"
            )
        if member.compress_type not in _METHODS:
            raise AutomaskError(f"{place} is packed in a rare way; pack it as plain zip (deflate)")
        try:
            with self._archive.open(member) as file:
                return file.read(member.file_size)
        except (OSError, *_BAD_ZIP) as error:
            raise AutomaskError(f"cannot read {place}: {one_line(error)}; pack it anew") from None

    def modified(self, name: str) -> float:
        with suppress(ValueError, OverflowError):
            return datetime(*self._members[name].date_time).timestamp()
        return self.path.stat().st_mtime


def _is_file(member: zipfile.ZipInfo) -> bool:
    """Whether a member is a file of the set: no folder, no link, nothing that macOS puts beside."""
    mode = member.external_attr >> 16
    return not (
        member.is_dir()
        or (stat.S_IFMT(mode) not in (0, stat.S_IFREG))
        or member.filename.startswith("__MACOSX/")
    )


def _common_folder(names: Iterable[str]) -> str:
    """The folder, with its "/", that a whole set was packed with; "" when there is none."""
    tops = {name.partition("/")[0] if "/" in name else "" for name in names}
    only = tops.pop() if len(tops) == 1 else ""
    return f"{only}/" if only and only not in _PARTS else ""
