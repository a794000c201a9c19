"""A small off-screen renderer: image-based light, soft shadows, exact instance ids.

OpenGL on the CPU (OSMesa).
"""

from __future__ import annotations

from collections.abc import Sequence
from ctypes import c_void_p
from dataclasses import dataclass

import cv2
import numpy as np
from meshes import Part
from opengl import (
    GL,
    ShadowMap,
    ShadowStack,
    Target,
    link_program,
    new_texture,
    osmesa,
    set_matrices,
    set_matrix,
    set_number,
    set_texture,
    set_vector,
    set_vectors,
)
from projections import look_at, orthographic

# As in scene.frag.
MOST_LAMPS = 32
LAMP_SHADOW_SIZE = 640
# Instances with a greater id stand under or behind the things: they throw no shadow of lamps.
LAST_THING = 200


@dataclass(frozen=True)
class Instance:
    """Parts placed in the world: `pose` is a (4, 4) matrix; `id` is what the id image holds (0 =
    background)."""

    parts: Sequence[Part]
    pose: np.ndarray
    id: int = 0


@dataclass(frozen=True)
class Lighting:
    """`environment` is (h, w, 3) float32 linear, equirectangular, z up; `direction` points to
    the key light."""

    environment: np.ndarray
    direction: np.ndarray
    key: tuple[float, float, float]
    softness: float = 0.02
    ambient: float = 1.0
    turn: float = 0.0
    lamps: np.ndarray | None = None
    """(N, 6) directions and colours of lights that each throw a shadow, in place of the key
    light and of the environment's diffuse light (lamps.py)."""
    bounce: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """With lamps: the light that comes back from the table."""


class Renderer:
    """One context of `width` x `height`, drawn at `supersampling` times that."""

    def __init__(self, width: int, height: int, supersampling: int = 2) -> None:
        self.width, self.height, self.supersampling = width, height, supersampling
        attributes = (osmesa.OSMESA_FORMAT, osmesa.OSMESA_RGBA, osmesa.OSMESA_DEPTH_BITS, 24)
        profile = (osmesa.OSMESA_PROFILE, osmesa.OSMESA_CORE_PROFILE)
        version = (osmesa.OSMESA_CONTEXT_MAJOR_VERSION, 3, osmesa.OSMESA_CONTEXT_MINOR_VERSION, 3)
        wanted = np.array([*attributes, *profile, *version, 0], np.int32)
        self._context = osmesa.OSMesaCreateContextAttribs(wanted, None)
        self._buffer = np.zeros((height, width, 4), np.uint8)
        self.activate()
        self._main = link_program("scene.vert", "scene.frag")
        self._depth = link_program("depth.vert", "depth.frag")
        self._sky = link_program("sky.vert", "sky.frag")
        self._target = Target(width * supersampling, height * supersampling)
        self._shadows = [ShadowMap(), ShadowMap()]
        self._stack = ShadowStack(MOST_LAMPS, LAMP_SHADOW_SIZE)
        self._meshes: dict[int, tuple] = {}
        self._textures: dict[int, tuple] = {}
        self._environment: tuple | None = None
        self._empty = GL.glGenVertexArrays(1)

    def activate(self) -> None:
        """Makes this renderer the one that draws: to be called when there are several."""
        size = (self.width, self.height)
        osmesa.OSMesaMakeCurrent(self._context, self._buffer, GL.GL_UNSIGNED_BYTE, *size)

    def render(
        self,
        instances: Sequence[Instance],
        lighting: Lighting,
        view: np.ndarray,
        projection: np.ndarray,
        *,
        reach: float,
        sky: bool = True,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Colour (height, width, 4) uint8 RGBA, antialiased, and ids at supersampled size, uint8.

        `reach` is the radius around the origin inside which shadows fall.
        """
        key = orthographic(reach, 4 * reach) @ look_at(lighting.direction * 4 * reach, np.zeros(3))
        above = np.array([0.02, 0.03, 1.0])
        top = orthographic(reach, 4 * reach) @ look_at(above * 4 * reach, np.zeros(3))
        for shadow, matrix in zip(self._shadows, (key, top), strict=True):
            self._draw_depth(shadow, instances, matrix)
        lamps = self._draw_lamps(instances, lighting, reach)
        self._target.bind()
        environment = self._use_environment(lighting.environment)
        if sky:
            self._draw_sky(view, projection, environment, lighting)
        self._set_lamps(lighting, lamps)
        self._draw_scene(instances, lighting, view, projection, (key, top), environment, reach)
        colour, ids = self._target.read()
        if self.supersampling > 1:
            size = (self.width, self.height)
            colour = cv2.resize(_premultiplied(colour), size, interpolation=cv2.INTER_AREA)
        return colour, ids

    def forget_meshes(self) -> None:
        """Frees what was uploaded for parts that will not be drawn again."""
        self.activate()
        for array, buffer, _, _ in self._meshes.values():
            GL.glDeleteVertexArrays(1, [array])
            GL.glDeleteBuffers(1, [buffer])
        for texture, _ in self._textures.values():
            GL.glDeleteTextures([texture])
        self._meshes.clear()
        self._textures.clear()

    def _draw_lamps(
        self, instances: Sequence[Instance], lighting: Lighting, reach: float
    ) -> np.ndarray:
        """What each lamp sees of the things; (N, 4, 4) matrices from the world to there."""
        if lighting.lamps is None:
            return np.zeros((0, 4, 4))
        things = [instance for instance in instances if instance.id < LAST_THING]
        matrices = []
        for layer, lamp in enumerate(lighting.lamps):
            matrix = orthographic(reach, 4 * reach) @ look_at(lamp[:3] * 4 * reach, np.zeros(3))
            self._stack.bind(layer)
            self._draw_depths(things, matrix)
            matrices.append(matrix)
        return np.array(matrices)

    def _set_lamps(self, lighting: Lighting, matrices: np.ndarray) -> None:
        program = self._main
        GL.glUseProgram(program)
        set_number(program, "lamps", len(matrices))
        set_texture(program, "lamp_maps", 4, self._stack.texture, GL.GL_TEXTURE_2D_ARRAY)
        set_vector(program, "bounce", lighting.bounce)
        if lighting.lamps is not None:
            set_matrices(program, "lamp_lights", matrices)
            set_vectors(program, "lamp_directions", lighting.lamps[:, :3])
            set_vectors(program, "lamp_colours", lighting.lamps[:, 3:])

    def _draw_depth(
        self, shadow: ShadowMap, instances: Sequence[Instance], matrix: np.ndarray
    ) -> None:
        shadow.bind()
        self._draw_depths(instances, matrix)

    def _draw_depths(self, instances: Sequence[Instance], matrix: np.ndarray) -> None:
        GL.glUseProgram(self._depth)
        for instance in instances:
            set_matrix(self._depth, "transform", matrix @ instance.pose)
            for part in instance.parts:
                array, _, count, _ = self._upload(part)
                GL.glBindVertexArray(array)
                GL.glDrawArrays(GL.GL_TRIANGLES, 0, count)

    def _draw_sky(
        self, view: np.ndarray, projection: np.ndarray, environment: int, light: Lighting
    ) -> None:
        GL.glUseProgram(self._sky)
        rotation = view.copy()
        rotation[:3, 3] = 0
        set_matrix(self._sky, "unproject", np.linalg.inv(projection @ rotation))
        set_texture(self._sky, "environment", 0, environment)
        set_number(self._sky, "turn", light.turn)
        GL.glDisable(GL.GL_DEPTH_TEST)
        GL.glBindVertexArray(self._empty)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, 3)
        GL.glEnable(GL.GL_DEPTH_TEST)

    def _draw_scene(
        self,
        instances: Sequence[Instance],
        lighting: Lighting,
        view: np.ndarray,
        projection: np.ndarray,
        lights: tuple[np.ndarray, np.ndarray],
        environment: int,
        reach: float,
    ) -> None:
        program = self._main
        GL.glUseProgram(program)
        set_texture(program, "environment", 0, environment)
        for unit, (name, shadow) in enumerate(
            zip(("key_map", "top_map"), self._shadows, strict=True), 1
        ):
            set_texture(program, name, unit, shadow.texture)
        set_matrix(program, "camera", projection @ view)
        set_matrix(program, "key_light", lights[0])
        set_matrix(program, "top_light", lights[1])
        set_vector(program, "eye", -view[:3, :3].T @ view[:3, 3])
        set_vector(
            program, "key_direction", lighting.direction / np.linalg.norm(lighting.direction)
        )
        set_vector(program, "key_colour", lighting.key)
        for name in ("softness", "ambient", "turn"):
            set_number(program, name, getattr(lighting, name))
        set_number(program, "reach", reach)
        for instance in instances:
            set_matrix(program, "pose", instance.pose)
            set_number(program, "instance_id", instance.id / 255)
            for part in instance.parts:
                self._draw_part(program, part)

    def _draw_part(self, program: int, part: Part) -> None:
        array, _, count, _ = self._upload(part)
        material = part.material
        set_vector(program, "colour", material.colour)
        set_number(program, "roughness", material.roughness)
        set_number(program, "metal", material.metal)
        set_number(program, "textured", float(material.texture is not None))
        if material.texture is not None:
            set_texture(program, "surface", 3, self._upload_texture(material.texture))
        GL.glBindVertexArray(array)
        GL.glDrawArrays(GL.GL_TRIANGLES, 0, count)

    def _upload(self, part: Part) -> tuple:
        if id(part) not in self._meshes:
            array = GL.glGenVertexArrays(1)
            buffer = GL.glGenBuffers(1)
            GL.glBindVertexArray(array)
            GL.glBindBuffer(GL.GL_ARRAY_BUFFER, buffer)
            GL.glBufferData(
                GL.GL_ARRAY_BUFFER, part.vertices.nbytes, part.vertices, GL.GL_STATIC_DRAW
            )
            for place, (width, offset) in enumerate(((3, 0), (3, 12), (2, 24))):
                GL.glEnableVertexAttribArray(place)
                GL.glVertexAttribPointer(place, width, GL.GL_FLOAT, False, 32, c_void_p(offset))
            # The part is kept, so that its id() is not given to another one while it is a key here.
            self._meshes[id(part)] = (array, buffer, len(part.vertices), part)
        return self._meshes[id(part)]

    def _upload_texture(self, image: np.ndarray) -> int:
        if id(image) not in self._textures:
            data = np.ascontiguousarray(image[::-1])
            texture = new_texture(GL.GL_SRGB8, data, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, GL.GL_REPEAT)
            self._textures[id(image)] = (texture, image)
        return self._textures[id(image)][0]

    def _use_environment(self, image: np.ndarray) -> int:
        if self._environment is None or self._environment[1] is not image:
            if self._environment is not None:
                GL.glDeleteTextures([self._environment[0]])
            data = np.ascontiguousarray(image, np.float32)
            texture = new_texture(GL.GL_RGB16F, data, GL.GL_RGB, GL.GL_FLOAT, GL.GL_REPEAT)
            self._environment = (texture, image)
        return self._environment[0]


def _premultiplied(colour: np.ndarray) -> np.ndarray:
    """What is empty is black, so that averaging gives colour times alpha."""
    return np.where(colour[..., 3:] > 0, colour, 0).astype(np.uint8)
