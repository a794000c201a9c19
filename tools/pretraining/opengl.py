"""What the renderer needs of OpenGL: a context without a screen, targets, textures, programs."""

from __future__ import annotations

import os

os.environ.setdefault("PYOPENGL_PLATFORM", "osmesa")
os.environ.setdefault("LP_NUM_THREADS", "1")

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import OpenGL

OpenGL.ERROR_CHECKING = False
from OpenGL import GL as GL  # noqa: E402
from OpenGL import osmesa as osmesa  # noqa: E402

SHADERS = Path(__file__).with_name("shaders")
SHADOW_SIZE = 1024


class Target:
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


class ShadowMap:
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


class ShadowStack:
    """The depths that many lights see: one array of `layers` maps, compared while it is read."""

    def __init__(self, layers: int, size: int) -> None:
        self.size = size
        self.texture = GL.glGenTextures(1)
        GL.glBindTexture(GL.GL_TEXTURE_2D_ARRAY, self.texture)
        kind, form = GL.GL_DEPTH_COMPONENT24, GL.GL_DEPTH_COMPONENT
        shape = (size, size, layers)
        GL.glTexImage3D(GL.GL_TEXTURE_2D_ARRAY, 0, kind, *shape, 0, form, GL.GL_FLOAT, None)
        for key, value in (
            (GL.GL_TEXTURE_MIN_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_MAG_FILTER, GL.GL_LINEAR),
            (GL.GL_TEXTURE_WRAP_S, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_WRAP_T, GL.GL_CLAMP_TO_EDGE),
            (GL.GL_TEXTURE_COMPARE_MODE, GL.GL_COMPARE_REF_TO_TEXTURE),
            (GL.GL_TEXTURE_COMPARE_FUNC, GL.GL_LEQUAL),
        ):
            GL.glTexParameteri(GL.GL_TEXTURE_2D_ARRAY, key, value)
        self.buffer = GL.glGenFramebuffers(1)

    def bind(self, layer: int) -> None:
        GL.glBindFramebuffer(GL.GL_FRAMEBUFFER, self.buffer)
        GL.glFramebufferTextureLayer(
            GL.GL_FRAMEBUFFER, GL.GL_DEPTH_ATTACHMENT, self.texture, 0, layer
        )
        GL.glDrawBuffer(GL.GL_NONE)
        GL.glReadBuffer(GL.GL_NONE)
        GL.glViewport(0, 0, self.size, self.size)
        GL.glEnable(GL.GL_DEPTH_TEST)
        GL.glClear(GL.GL_DEPTH_BUFFER_BIT)


def new_texture(kind: int, data: np.ndarray, form: int, scalar: int, wrap: int) -> int:
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


def link_program(vertex: str, fragment: str) -> int:
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


def set_matrix(program: int, name: str, matrix: np.ndarray) -> None:
    place = GL.glGetUniformLocation(program, name)
    GL.glUniformMatrix4fv(place, 1, True, np.ascontiguousarray(matrix, np.float32))


def set_vector(program: int, name: str, values: Sequence[float] | np.ndarray) -> None:
    GL.glUniform3f(GL.glGetUniformLocation(program, name), *(float(value) for value in values))


def set_number(program: int, name: str, value: float) -> None:
    GL.glUniform1f(GL.glGetUniformLocation(program, name), float(value))


def set_matrices(program: int, name: str, matrices: np.ndarray) -> None:
    place = GL.glGetUniformLocation(program, name)
    GL.glUniformMatrix4fv(place, len(matrices), True, np.ascontiguousarray(matrices, np.float32))


def set_vectors(program: int, name: str, values: np.ndarray) -> None:
    place = GL.glGetUniformLocation(program, name)
    GL.glUniform3fv(place, len(values), np.ascontiguousarray(values, np.float32))


def set_texture(
    program: int, name: str, unit: int, texture: int, kind: int = GL.GL_TEXTURE_2D
) -> None:
    GL.glActiveTexture(GL.GL_TEXTURE0 + unit)
    GL.glBindTexture(kind, texture)
    GL.glUniform1i(GL.glGetUniformLocation(program, name), unit)
    GL.glActiveTexture(GL.GL_TEXTURE0 + 7)
