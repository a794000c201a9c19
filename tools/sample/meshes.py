"""Meshes from profiles and paths: plain arrays in metres, then one object of several parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np

Point = tuple[float, float]


@dataclass
class Part:
    """Vertices (N, 3), index tuples, one (u, v) per face corner, the material of all faces."""

    vertices: list[tuple[float, float, float]]
    faces: list[tuple[int, ...]]
    uvs: list[Point]
    material: bpy.types.Material


@dataclass
class Assembly:
    """Parts that become one mesh object."""

    name: str
    parts: list[Part] = field(default_factory=list)

    def add(self, part: Part) -> None:
        self.parts.append(part)

    def build(self) -> bpy.types.Object:
        mesh = bpy.data.meshes.new(self.name)
        vertices: list[tuple[float, float, float]] = []
        faces: list[tuple[int, ...]] = []
        uvs: list[Point] = []
        slots: list[int] = []
        for slot, part in enumerate(self.parts):
            offset = len(vertices)
            vertices += part.vertices
            faces += [tuple(index + offset for index in face) for face in part.faces]
            uvs += part.uvs
            slots += [slot] * len(part.faces)
            mesh.materials.append(part.material)
        mesh.from_pydata(vertices, [], faces)
        layer = mesh.uv_layers.new(name="UVMap")
        layer.data.foreach_set("uv", np.asarray(uvs, np.float32).ravel())
        mesh.polygons.foreach_set("material_index", slots)
        mesh.shade_smooth()
        mesh.update()
        thing = bpy.data.objects.new(self.name, mesh)
        bpy.context.scene.collection.objects.link(thing)
        return thing


def rounded(points: Sequence[Point], radius: float, steps: int = 5) -> list[Point]:
    """The polyline with its inner corners rounded, as far as the neighbouring edges allow."""
    corners = np.asarray(points, float)
    result = [tuple(corners[0])]
    for before, corner, after in zip(corners[:-2], corners[1:-1], corners[2:], strict=True):
        to_before, to_after = before - corner, after - corner
        reach_in = min(radius, np.linalg.norm(to_before) * 0.48)
        reach_out = min(radius, np.linalg.norm(to_after) * 0.48)
        start = corner + to_before / np.linalg.norm(to_before) * reach_in
        end = corner + to_after / np.linalg.norm(to_after) * reach_out
        for t in np.linspace(0, 1, steps):
            result.append(tuple((1 - t) ** 2 * start + 2 * t * (1 - t) * corner + t**2 * end))
    result.append(tuple(corners[-1]))
    return [(float(r), float(z)) for r, z in result]


def lathe(
    profile: Sequence[Point],
    material: bpy.types.Material,
    *,
    label: tuple[float, float] | None = None,
    segments: int = 80,
    centre: tuple[float, float] = (0.0, 0.0),
) -> Part:
    """Turns (radius, z) points round the z axis.

    u runs once round, v is 0..1 between the two heights in `label`.
    """
    heights = [z for _, z in profile]
    low, high = label or (min(heights), max(heights) + 1e-9)
    turn = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    vertices = [
        (centre[0] + float(r * np.cos(a)), centre[1] + float(r * np.sin(a)), float(z))
        for r, z in profile
        for a in turn
    ]
    faces: list[tuple[int, ...]] = []
    uvs: list[Point] = []
    for row in range(len(profile) - 1):
        v_low, v_high = ((heights[row + i] - low) / (high - low) for i in (0, 1))
        for column in range(segments):
            following = (column + 1) % segments
            u, u_next = column / segments, (column + 1) / segments
            base, above = row * segments, (row + 1) * segments
            faces.append((base + column, base + following, above + following, above + column))
            uvs += [(u, v_low), (u_next, v_low), (u_next, v_high), (u, v_high)]
    return Part(vertices, faces, uvs, material)


def sweep(
    path: np.ndarray,
    half_width: float,
    half_depth: float,
    material: bpy.types.Material,
    sides: int = 20,
) -> Part:
    """An elliptic tube along a path (N, 2) in the x-z plane; `half_width` lies along y."""
    tangents = np.gradient(path, axis=0)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    normals = np.stack([-tangents[:, 1], tangents[:, 0]], 1)
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)
    vertices = []
    for point, normal in zip(path, normals, strict=True):
        for angle in turn:
            x, z = point + normal * half_depth * np.cos(angle)
            vertices.append((float(x), float(half_width * np.sin(angle)), float(z)))
    faces: list[tuple[int, ...]] = []
    for row in range(len(path) - 1):
        for column in range(sides):
            following = (column + 1) % sides
            base, above = row * sides, (row + 1) * sides
            faces.append((base + column, base + following, above + following, above + column))
    return Part(vertices, faces, [(0.5, 0.5)] * (4 * len(faces)), material)


def block(
    name: str,
    size: tuple[float, float, float],
    material: bpy.types.Material,
    bevel: float = 0.002,
) -> bpy.types.Object:
    """A box standing on z = 0 with every face showing the whole texture and bevelled edges."""
    x, y, z = size[0] / 2, size[1] / 2, size[2]
    corners = [(sx * x, sy * y, sz * z) for sz in (0, 1) for sy in (-1, 1) for sx in (-1, 1)]
    quads: list[tuple[int, ...]] = [
        (0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (3, 2, 6, 7), (1, 3, 7, 5), (2, 0, 4, 6),
    ]  # fmt: skip
    assembly = Assembly(name)
    assembly.add(Part(corners, quads, [(0, 0), (1, 0), (1, 1), (0, 1)] * 6, material))
    thing = assembly.build()
    thing.data.shade_flat()
    if bevel > 0:
        modifier = thing.modifiers.new("edges", "BEVEL")
        modifier.width = bevel
        modifier.segments = 3
    return thing
