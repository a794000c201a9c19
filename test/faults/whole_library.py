"""What a library holds, as plain values that can be compared, and whether all of it is whole."""

import hashlib
import json
import os
from pathlib import Path

from filelock import FileLock

from automask_ros.library.image_file import read_image
from automask_ros.library.library import Library
from automask_ros.library.seals import CHECKSUM

_AT_ANY_TIME = {"at", "made_at", "created_at", "sha256", "pixels_sha256", "replaces", CHECKSUM}


def contents(root: Path) -> dict:
    """All that the library at `root` holds, in words and digests, without times.

    Opens it anew and reads every file; fails where something is half.
    """
    library = Library(root, create=True)
    assert_readable(root)
    return {
        "views": {f"{view.label}/{view.id}": _view(library, view) for view in library.views()},
        "trash": sorted(_removed(path.parent) for path in (root / "trash").rglob("view.json")),
        "models": _models(library),
        "jobs": _jobs(root),
        "backups": sorted({_backup(folder) for folder in (root / "backup").glob("format-*")}),
    }


def assert_readable(root: Path) -> None:
    """Every file that bears its final name opens: pictures decode, JSON parses."""
    for path in _final(root):
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.suffix == ".png":
            read_image(path)


def assert_unlocked(root: Path) -> None:
    """Each lock of the library can be had at once."""
    for path in root.rglob("*.lock"):
        with FileLock(path, timeout=0):
            pass


def temporaries(root: Path) -> list[Path]:
    """What killed writers left."""
    return [path for path in root.rglob(".*") if not path.name.endswith(".lock")]


def _final(root: Path) -> list[Path]:
    return [
        path
        for path in root.rglob("*")
        if path.is_file() and not any(p.startswith(".") for p in path.relative_to(root).parts)
    ]


def _view(library: Library, view) -> list:
    mask = library.read_mask(view)
    verdict = view.verdict and [view.verdict.accepted, view.verdict.score, *view.verdict.reasons]
    return [
        _digest(library.read_image(view)),
        None if mask is None else _digest(mask),
        verdict,
        view.made_by,
        view.vetoed,
    ]


def _removed(folder: Path) -> list:
    """A view in the trash, what it was called and its files: all of them are there."""
    record = json.loads((folder / "view.json").read_bytes())
    names = {"view.json", "image.png", *(["mask.png"] if record["mask"] else [])}
    assert set(os.listdir(folder)) == names, folder
    pictures = [_digest(read_image(folder / name)) for name in sorted(names - {"view.json"})]
    return [folder.parent.name, folder.name.rpartition(".")[0], *pictures]


def _models(library: Library) -> dict:
    models = library.models
    current, link = models.current(), models.root / "current"
    assert (os.readlink(link) if link.is_symlink() else None) == (current and str(current))
    return {
        "current": current,
        "promotions": [_timeless(each.model_dump(mode="json")) for each in models.promotions()],
        "versions": {
            number: {
                path.name: _timeless(json.loads(path.read_bytes()))
                if path.suffix == ".json"
                else hashlib.sha256(path.read_bytes()).hexdigest()
                for path in models.directory(number).iterdir()
                if not path.name.startswith(".")
            }
            for number in models.versions()
        },
        "ids": json.loads((models.root / "labels.json").read_bytes())
        if (models.root / "labels.json").exists()
        else {},
    }


def _jobs(root: Path) -> list:
    found = [json.loads(path.read_bytes()) for path in sorted((root / "jobs").glob("job-*.json"))]
    return [_timeless(job) for job in found]


def _backup(folder: Path) -> str:
    """The digest of all files of a backup; a migration that was killed may have made it twice."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    lines = [f"{path.relative_to(folder)} {path.read_text()}" for path in found]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _timeless(record: dict) -> dict:
    return {name: value for name, value in record.items() if name not in _AT_ANY_TIME}


def _digest(pixels) -> str:
    return hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).hexdigest()[:16]
