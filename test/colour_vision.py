"""What people with dichromatic vision see, and how far apart two colours are to an eye.

The matrices are those of Machado, Oliveira and Fernandes, A physiologically-based model for
simulation of color vision deficiency (IEEE TVCG 15:6, 2009), at a severity of 1.0. They are meant
for linear RGB.
"""

import numpy as np

SIMULATED = {
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanopia": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    "common vision": np.eye(3).tolist(),
}
#: From linear sRGB to CIE XYZ, and the white that both share (D65).
_XYZ = np.array(
    [
        [0.4124564, 0.3575761, 0.1804375],
        [0.2126729, 0.7151522, 0.0721750],
        [0.0193339, 0.1191920, 0.9503041],
    ]
)
_WHITE = _XYZ.sum(axis=1)


def linear(bgr):
    """Colours ``(..., 3)`` as drawn, 0 to 255, to linear RGB, 0 to 1."""
    rgb = np.asarray(bgr, float)[..., ::-1] / 255
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def simulate(bgr, vision):
    """The linear RGB ``(..., 3)`` that stands for what an eye of this kind makes of colours."""
    return np.clip(linear(bgr) @ np.array(SIMULATED[vision]).T, 0, 1)


def lab(rgb):
    """Linear RGB ``(..., 3)`` to CIE L*a*b*."""
    ratio = rgb @ _XYZ.T / _WHITE
    root = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio / (3 * (6 / 29) ** 2) + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def difference(one, other, vision="common vision"):
    """CIE 1976 colour difference of BGR colours to an eye; from about 2.3 on it is noticed."""
    apart = lab(simulate(one, vision)) - lab(simulate(other, vision))
    return np.linalg.norm(apart, axis=-1)
