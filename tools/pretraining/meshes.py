"""Textured triangle meshes: the value types, and the furniture catalogues they are read from."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

CATALOGUE_FOLDER = Path("/usr/share/sweethome3d/furniture")
LARGEST_OBJ_BYTES = 3_000_000
LARGEST_TEXTURE = 384


@dataclass(frozen=True)
class Material:
    """How a surface looks. Colours are (r, g, b) in 0..1; `texture` is (H, W, 3) uint8 RGB."""

    colour: tuple[float, float, float] = (0.7, 0.7, 0.7)
    texture: np.ndarray | None = None
    roughness: float = 0.6
    metal: float = 0.0


@dataclass(frozen=True)
class Part:
    """Triangles of one material: `vertices` is (3 * triangles, 8) float32: position, normal,
    texture place."""

    vertices: np.ndarray
    material: Material


@dataclass(frozen=True)
class Model:
    """A thing: it stands on z = 0, is centred over the origin, and its longest side is 1."""

    name: str
    licence: str
    author: str
    parts: list[Part] = field(repr=False)

    @property
    def extent(self) -> np.ndarray:
        """(3,) size along x, y, z."""
        points = np.concatenate([part.vertices[:, :3] for part in self.parts])
        return np.ptp(points, axis=0)


def soup(positions: np.ndarray, uvs: np.ndarray, normals: np.ndarray | None = None) -> np.ndarray:
    """Interleaves (3n, 3) positions, (3n, 2) uvs and normals (flat ones when None) to (3n, 8)."""
    if normals is None:
        corners = positions.reshape(-1, 3, 3)
        flat = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        normals = np.repeat(flat, 3, axis=0)
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    return np.hstack([positions, normals / np.maximum(length, 1e-9), uvs]).astype(np.float32)


def normalised(parts: list[Part]) -> list[Part]:
    """The parts moved and scaled to what `Model` promises."""
    points = np.concatenate([part.vertices[:, :3] for part in parts])
    low, high = points.min(axis=0), points.max(axis=0)
    foot = np.array([(low[0] + high[0]) / 2, (low[1] + high[1]) / 2, low[2]], np.float32)
    scale = 1.0 / max(float((high - low).max()), 1e-6)
    moved = []
    for part in parts:
        vertices = part.vertices.copy()
        vertices[:, :3] = (vertices[:, :3] - foot) * scale
        moved.append(Part(vertices, part.material))
    return moved


def read_catalogues(folder: Path = CATALOGUE_FOLDER) -> Iterator[Model]:
    """Every usable model of every .sh3f catalogue in `folder`: doors, windows and huge files are
    left out."""
    for path in sorted(folder.glob("*.sh3f")):
        with zipfile.ZipFile(path) as archive:
            for entry in _entries(archive):
                model = _read_model(archive, entry, path.stem)
                if model is not None:
                    yield model


def _entries(archive: zipfile.ZipFile) -> list[dict[str, str]]:
    """The catalogue's rows: `name`, `model`, `creator`, ... by item number."""
    text = archive.read("PluginFurnitureCatalog.properties").decode("latin-1")
    rows: dict[str, dict[str, str]] = {}
    licence = "?"
    for line in text.splitlines():
        key, _, value = line.partition("=")
        if key == "license":
            licence = value.strip()
        name, _, number = key.partition("#")
        if number.isdigit():
            rows.setdefault(number, {})[name] = value.strip()
    for row in rows.values():
        row["licence"] = licence
    return [row for row in rows.values() if row.get("doorOrWindow") != "true" and "model" in row]


def _read_model(archive: zipfile.ZipFile, entry: dict[str, str], catalogue: str) -> Model | None:
    path = entry["model"].lstrip("/")
    names = set(archive.namelist())
    if path not in names or archive.getinfo(path).file_size > LARGEST_OBJ_BYTES:
        return None
    parts = _read_obj(archive, names, path)
    if not parts:
        return None
    name = f"{catalogue}/{posixpath.splitext(posixpath.basename(path))[0]}"
    return Model(name, entry["licence"], entry.get("creator", catalogue), normalised(parts))


def _read_obj(archive: zipfile.ZipFile, names: set[str], path: str) -> list[Part]:
    """Parts by material of a Wavefront file, y up turned to z up."""
    positions: list[tuple[float, ...]] = []
    normals: list[tuple[float, ...]] = [(0.0, 0.0, 0.0)]
    uvs: list[tuple[float, ...]] = [(0.0, 0.0)]
    corners: dict[str, list[tuple[int, int, int]]] = {}
    materials: dict[str, Material] = {}
    current = corners.setdefault("", [])
    for line in archive.read(path).decode("latin-1").splitlines():
        words = line.split()
        if not words:
            continue
        kind = words[0]
        if kind == "v":
            positions.append((float(words[1]), -float(words[3]), float(words[2])))
        elif kind == "vn":
            normals.append((float(words[1]), -float(words[3]), float(words[2])))
        elif kind == "vt":
            uvs.append((float(words[1]), float(words[2])))
        elif kind == "f":
            face = [_corner(word, len(positions), len(uvs), len(normals)) for word in words[1:]]
            for second, third in zip(face[1:], face[2:], strict=False):
                current += (face[0], second, third)
        elif kind == "usemtl":
            current = corners.setdefault(" ".join(words[1:]), [])
        elif kind == "mtllib":
            library = posixpath.join(posixpath.dirname(path), " ".join(words[1:]))
            if library in names:
                materials.update(_read_mtl(archive, names, library))
    return [
        Part(_gather(rows, positions, uvs, normals), materials.get(name, Material()))
        for name, rows in corners.items()
        if rows
    ]


def _corner(word: str, positions: int, uvs: int, normals: int) -> tuple[int, int, int]:
    fields = (word.split("/") + ["", ""])[:3]
    position, uv, normal = (int(value) if value else 0 for value in fields)
    return (
        position - 1 if position > 0 else positions + position,
        uv if uv >= 0 else uvs + uv,
        normal if normal >= 0 else normals + normal,
    )


def _gather(rows: list, positions: list, uvs: list, normals: list) -> np.ndarray:
    index = np.asarray(rows, np.int64)
    smooth = np.asarray(normals, np.float32)[index[:, 2]]
    points = np.asarray(positions, np.float32)[index[:, 0]]
    flat = soup(points, np.zeros((len(points), 2), np.float32))[:, 3:6]
    smooth = np.where(np.linalg.norm(smooth, axis=1, keepdims=True) > 1e-6, smooth, flat)
    return soup(points, np.asarray(uvs, np.float32)[index[:, 1]], smooth)


def _read_mtl(archive: zipfile.ZipFile, names: set[str], path: str) -> dict[str, Material]:
    fields: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in archive.read(path).decode("latin-1").splitlines():
        key, _, value = line.strip().partition(" ")
        if key == "newmtl":
            current = fields.setdefault(value.strip(), {})
        elif key:
            current[key] = value.strip()
    return {
        name: _material(archive, names, posixpath.dirname(path), row)
        for name, row in fields.items()
    }


def _material(
    archive: zipfile.ZipFile, names: set[str], folder: str, row: dict[str, str]
) -> Material:
    colour = tuple(float(value) for value in row.get("Kd", "0.7 0.7 0.7").split()[:3])
    shininess = float(row.get("Ns", "10").split()[0])
    texture = None
    if "map_Kd" in row:
        image = posixpath.join(folder, row["map_Kd"])
        if image in names:
            texture = _read_texture(archive.read(image))
    if texture is not None:
        colour = (1.0, 1.0, 1.0)
    roughness = float(np.clip(1.0 - np.log2(max(shininess, 1.0)) / 10, 0.1, 0.95))
    return Material(colour if len(colour) == 3 else (0.7, 0.7, 0.7), texture, roughness)


def _read_texture(data: bytes) -> np.ndarray | None:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    scale = LARGEST_TEXTURE / max(image.shape[:2])
    if scale < 1:
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
