"""A small off-screen renderer: image-based light, soft shadows, exact instance ids. OpenGL on
the CPU (OSMesa)."""

from __future__ import annotations

import os

os.environ.setdefault("PYOPENGL_PLATFORM", "osmesa")
os.environ.setdefault("LP_NUM_THREADS", "1")

from collections.abc import Sequence
from ctypes import c_void_p
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import OpenGL

OpenGL.ERROR_CHECKING = False
from meshes import Part  # noqa: E402
from OpenGL import GL, osmesa  # noqa: E402

SHADERS = Path(__file__).with_name("shaders")
SHADOW_SIZE = 1024


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


def look_at(eye: np.ndarray, target: np.ndarray, roll: float = 0.0) -> np.ndarray:
    """World to camera, (4, 4); the camera looks down -z."""
    forward = target - eye
    forward = forward / np.linalg.norm(forward)
    up = np.array([0.0, 1.0, 0.0]) if abs(forward[2]) > 0.98 else np.array([0.0, 0.0, 1.0])
    right = np.cross(forward, up)
    right /= np.linalg.norm(right)
    up = np.cross(right, forward)
    c, s = np.cos(roll), np.sin(roll)
    right, up = c * right + s * up, c * up - s * right
    view = np.eye(4)
    view[:3, :3] = np.stack([right, up, -forward])
    view[:3, 3] = -view[:3, :3] @ eye
    return view


def perspective(fov: float, aspect: float, near: float = 0.05, far: float = 200.0) -> np.ndarray:
    """(4, 4) projection; `fov` is the vertical angle in radians."""
    f = 1 / np.tan(fov / 2)
    matrix = np.zeros((4, 4))
    matrix[0, 0], matrix[1, 1], matrix[3, 2] = f / aspect, f, -1
    matrix[2, 2], matrix[2, 3] = (far + near) / (near - far), 2 * far * near / (near - far)
    return matrix


def orthographic(half: float, depth: float) -> np.ndarray:
    """(4, 4) projection of a cube-like volume around the target of `look_at` from distance
    `depth`."""
    return np.array(
        [[1 / half, 0, 0, 0], [0, 1 / half, 0, 0], [0, 0, -1 / depth, -1], [0, 0, 0, 1]], float
    )


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
        self._main = _program("scene.vert", "scene.frag")
        self._depth = _program("depth.vert", "depth.frag")
        self._sky = _program("sky.vert", "sky.frag")
        self._target = _Target(width * supersampling, height * supersampling)
        self._shadows = [_ShadowMap(), _ShadowMap()]
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
        self._target.bind()
        environment = self._use_environment(lighting.environment)
        if sky:
            self._draw_sky(view, projection, environment, lighting)
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

    def _draw_depth(
        self, shadow: _ShadowMap, instances: Sequence[Instance], matrix: np.ndarray
    ) -> None:
        shadow.bind()
        GL.glUseProgram(self._depth)
        for instance in instances:
            _matrix(self._depth, "transform", matrix @ instance.pose)
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
        _matrix(self._sky, "unproject", np.linalg.inv(projection @ rotation))
        _texture(self._sky, "environment", 0, environment)
        _number(self._sky, "turn", light.turn)
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
        _texture(program, "environment", 0, environment)
        for unit, (name, shadow) in enumerate(
            zip(("key_map", "top_map"), self._shadows, strict=True), 1
        ):
            _texture(program, name, unit, shadow.texture)
        _matrix(program, "camera", projection @ view)
        _matrix(program, "key_light", lights[0])
        _matrix(program, "top_light", lights[1])
        _vector(program, "eye", -view[:3, :3].T @ view[:3, 3])
        _vector(program, "key_direction", lighting.direction / np.linalg.norm(lighting.direction))
        _vector(program, "key_colour", lighting.key)
        for name in ("softness", "ambient", "turn"):
            _number(program, name, getattr(lighting, name))
        _number(program, "reach", reach)
        for instance in instances:
            _matrix(program, "pose", instance.pose)
            _number(program, "instance_id", instance.id / 255)
            for part in instance.parts:
                self._draw_part(program, part)

    def _draw_part(self, program: int, part: Part) -> None:
        array, _, count, _ = self._upload(part)
        material = part.material
        _vector(program, "colour", material.colour)
        _number(program, "roughness", material.roughness)
        _number(program, "metal", material.metal)
        _number(program, "textured", float(material.texture is not None))
        if material.texture is not None:
            _texture(program, "surface", 3, self._upload_texture(material.texture))
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
            texture = _new_texture(GL.GL_SRGB8, data, GL.GL_RGB, GL.GL_UNSIGNED_BYTE, GL.GL_REPEAT)
            self._textures[id(image)] = (texture, image)
        return self._textures[id(image)][0]

    def _use_environment(self, image: np.ndarray) -> int:
        if self._environment is None or self._environment[1] is not image:
            if self._environment is not None:
                GL.glDeleteTextures([self._environment[0]])
            data = np.ascontiguousarray(image, np.float32)
            texture = _new_texture(GL.GL_RGB16F, data, GL.GL_RGB, GL.GL_FLOAT, GL.GL_REPEAT)
            self._environment = (texture, image)
        return self._environment[0]


class _Target:
    """Colour, ids and depth to draw into."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.buffer = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.buffer)
        for place, kind in enumerate((GL.GL_SRGB8_ALPHA8, GL.GL_R8)):
            texture = GL.glGenTextures(1)
            GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
            form = GL.GL_RGBA if place == 0 else GL.GL_RED
            GL.glTexImage2D(
                GL.GL_TEXTURE_2D, 0, kind, width, height, 0, form, GL.GL_UNSIGNED_BYTE, None
            )
            GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_NEAREST)
            attachment = GL.GL_COLOR_ATTACHMENT0 + place
            GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, attachment, GL.GL_TEXTURE_2D, texture, 0)
        depth = GL.glGenRenderbuffers(1)
        GL.glBindRenderbuffer(GL.GL_RENDERBUFFER, depth)
        GL.glRenderbufferStorage(GL.GL_RENDERBUFFER, GL.GL_DEPTH_COMPONENT24, width, height)
        GL.glFramebufferRenderbuffer(
            GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, GL.GL_RENDERBUFFER, depth
        )
        GL.glDrawBuffers(2, [GL.GL_COLOR_ATTACHMENT0, GL.GL_COLOR_ATTACHMENT1])

    def bind(self) -> None:
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.buffer)
        GL.glViewport(0, 0, self.width, self.height)
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glEnable(GL.GL_FRAMEBUFFER_SRGB)
        GL.glClearColor(0, 0, 0, 0)
        GL.glClear(GL.GL_COLOR_BUFFER_BIT | GL.GL_DEPTH_BUFFER_BIT)

    def read(self) -> tuple[np.ndarray, np.ndarray]:
        images = []
        for place, (form, channels) in enumerate(((GL.GL_RGBA, 4), (GL.GL_RED, 1))):
            GL.glReadBuffer(GL.GL_COLOR_ATTACHMENT0 + place)
            data = GL.glReadPixels(0, 0, self.width, self.height, form, GL.GL_UNSIGNED_BYTE)
            image = np.frombuffer(data, np.uint8).reshape(self.height, self.width, channels)
            images.append(image[::-1].squeeze())
        return images[0].copy(), images[1].copy()


class _ShadowMap:
    """The depth that a light sees."""

    def __init__(self) -> None:
        self.texture = GL.glGenTextures(1)
        GL.glBindTexture(GL.GL_TEXTURE_2D, self.texture)
        kind, form = GL.GL_DEPTH_COMPONENT24, GL.GL_DEPTH_COMPONENT
        size = (SHADOW_SIZE, SHADOW_SIZE)
        GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, kind, *size, 0, form, GL.GL_FLOAT, None)
        for key in (GL.GL_TEXTURE_MIN_FILTER, GL.GL_TEXTURE_MAG_FILTER):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, key, GL.GL_NEAREST)
        for key in (GL.GL_TEXTURE_WRAP_S, GL.GL_TEXTURE_WRAP_T):
            GL.glTexParameteri(GL.GL_TEXTURE_2D, key, GL.GL_CLAMP_TO_EDGE)
        self.buffer = GL.glGenFramebuffers(1)
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.buffer)
        attachment = GL.GL_DEPTH_ATTACHMENT
        GL.glFramebufferTexture2D(GL.GL_FRAMEBUFFER, attachment, GL.GL_TEXTURE_2D, self.texture, 0)
        GL.glDrawBuffer(GL.GL_NONE)
        GL.glReadBuffer(GL.GL_NONE)

    def bind(self) -> None:
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.buffer)
        GL.glViewport(0, 0, SHADOW_SIZE, SHADOW_SIZE)
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glClear(GL.GL_DEPTH_BUFFER_BIT)


def _premultiplied(colour: np.ndarray) -> np.ndarray:
    """What is empty is black, so that averaging gives colour times alpha."""
    return np.where(colour[..., 3:] > 0, colour, 0).astype(np.uint8)


def _new_texture(kind: int, data: np.ndarray, form: int, scalar: int, wrap: int) -> int:
    texture = int(GL.glGenTextures(1))
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glPixelStorei(GL.GL_UNPACK_ALIGNMENT, 1)
    height, width = data.shape[:2]
    GL.glTexImage2D(GL.GL_TEXTURE_2D, 0, kind, width, height, 0, form, scalar, data)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR_MIPMAP_LINEAR)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_S, wrap)
    GL.glTexParameteri(GL.GL_TEXTURE_2D, GL.GL_TEXTURE_WRAP_T, wrap)
    GL.glGenerateMipmap(GL.GL_TEXTURE_2D)
    return texture


def _program(vertex: str, fragment: str) -> int:
    program = GL.glCreateProgram()
    for kind, name in ((GL.GL_VERTEX_SHADER, vertex), (GL.GL_FRAGMENT_SHADER, fragment)):
        shader = GL.glCreateShader(kind)
        GL.glShaderSource(shader, (SHADERS / name).read_text())
        GL.glCompileShader(shader)
        if not GL.glGetShaderiv(shader, GL.GL_COMPILE_STATUS):
            raise RuntimeError(f"{name}: {GL.glGetShaderInfoLog(shader).decode()}")
        GL.glAttachShader(program, shader)
    GL.glLinkProgram(program)
    if not GL.glGetProgramiv(program, GL.GL_LINK_STATUS):
        raise RuntimeError(f"{vertex}, {fragment}: {GL.glGetProgramInfoLog(program).decode()}")
    return int(program)


def _matrix(program: int, name: str, matrix: np.ndarray) -> None:
    place = GL.glGetUniformLocation(program, name)
    GL.glUniformMatrix4fv(place, 1, True, np.ascontiguousarray(matrix, np.float32))


def _vector(program: int, name: str, values: Sequence[float] | np.ndarray) -> None:
    GL.glUniform3f(GL.glGetUniformLocation(program, name), *(float(value) for value in values))


def _number(program: int, name: str, value: float) -> None:
    GL.glUniform1f(GL.glGetUniformLocation(program, name), float(value))


def _texture(program: int, name: str, unit: int, texture: int) -> None:
    GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
    GL.glBindTexture(GL.GL_TEXTURE_2D, texture)
    GL.glUniform1i(GL.glGetUniformLocation(program, name), unit)
    GL.glActiveTexture(GL.GL_TEXTURE0 + 7)
