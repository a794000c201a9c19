"""ONNX files from anywhere: what is in them, and not what they point to, becomes a network.

An ONNX file may say that its weights lie in another file. ONNX Runtime looks where that leads only
in its later versions.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from automask_ros.errors import AutomaskError
from automask_ros.library.files import one_line
from automask_ros.library.inside import check_file

_ORT_MARK = b"ORTM"
_PIECE = 1 << 20


def check_graph(path: Path, *, alone: bool) -> None:
    """AutomaskError when an ONNX file takes weights from outside its folder.

    ``alone``, as the graph of a library's version is: when it takes any from another file, or leads
    elsewhere itself. What is missing or no ONNX file is left to its reader to refuse.
    """
    if not path.exists():
        return
    if alone or not path.is_file():
        check_file(path)
    # Each such reference has this word. Few graphs do, and taking one apart takes a while.
    if not _has(path, b"location"):
        return
    for location in _locations(path):
        if alone or not _is_beside(path, location):
            raise AutomaskError(
                f"{path} takes weights from another file, {ascii(location)[:80]}; "
                + ("train again" if alone else "keep both in one folder")
            )


def _has(path: Path, word: bytes) -> bool:
    """Whether a file holds a word, read in pieces: other threads have frames to work on."""
    with open(path, "rb") as file:
        if file.read(8)[4:] == _ORT_MARK:
            raise AutomaskError(f"{path} is a graph of ONNX Runtime's own format; give ONNX")
        file.seek(0)
        end = b""
        while piece := file.read(_PIECE):
            if word in end + piece:
                return True
            end = piece[-len(word) :]
    return False


def _is_beside(path: Path, location: str) -> bool:
    folder = path.resolve().parent
    try:
        return (folder / location).resolve().is_relative_to(folder)
    except (OSError, RuntimeError, ValueError):  # too long, a circle of links, a NUL
        return False


def _locations(path: Path) -> Iterator[str]:
    """The files that a graph takes weights from."""
    import onnx  # only here: it takes a while, and hardly any graph needs it

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # noqa: BLE001 - whatever its parser trips over
        raise AutomaskError(f"{path} is no ONNX graph ({one_line(error)})") from error
    for tensor in _parts(model, onnx.TensorProto):
        yield from (entry.value for entry in tensor.external_data if entry.key == "location")


def _parts(message: Any, kind: type) -> Iterator[Any]:
    """Every part of a kind that a protobuf message holds, at any depth."""
    waiting = [message]
    while waiting:
        message = waiting.pop()
        if isinstance(message, kind):
            yield message
        for field, value in message.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else [value])
