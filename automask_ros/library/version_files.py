"""Whether the files of a model version are those that were committed."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from automask_ros.library.digests import FileDigests, file_digest
from automask_ros.library.records import ModelRecord

RECORD_FILE: Final = "model.json"
#: A version runs without them: what else is damaged keeps it from going or staying live.
_NOT_RUN = ("measured.safetensors",)
_RUN = (".safetensors", ".onnx")


class VersionFiles:
    """Looks at the files of versions, at each again only when it was replaced or changed."""

    def __init__(self) -> None:
        self._digests = FileDigests()

    def faults(self, directory: Path, record: ModelRecord) -> dict[str, str]:
        """What is wrong with each file that is not as committed, in words that follow its name."""
        found = {}
        for name, digest in record.files.items():
            fault = self._fault(directory / name, digest)
            if fault is not None:
                found[name] = fault
        return found

    def fault(self, directory: Path, record: ModelRecord) -> str | None:
        """Why a version must not run, in words; None when what runs is as committed."""
        for name, digest in record.files.items():
            if is_run(name) and (fault := self._fault(directory / name, digest)):
                return f"{name} {fault}"
        return None

    def _fault(self, path: Path, digest: str) -> str | None:
        try:
            return None if self._digests.of(path) == digest else "is not the file that was written"
        except FileNotFoundError:
            return "is missing"
        except OSError as error:
            return f"cannot be read ({error.strerror or error})"


def is_run(name: str) -> bool:
    """Whether a file of a version is needed to detect with it."""
    return name.endswith(_RUN) and name not in _NOT_RUN


def version_digests(directory: Path) -> dict[str, str]:
    """The SHA-256 of each file of a version, by its path below the folder, but for model.json."""
    return {
        str(path.relative_to(directory)): file_digest(path)
        for path in sorted(directory.rglob("*"))
        if path.is_file() and path != directory / RECORD_FILE and not path.name.startswith(".")
    }
