"""How flag cloth hangs in the wind: where each pixel of a scene looks on the flat flag, and how light falls there.

Only operations that IEEE 754 rounds exactly are used (sine comes from a rounded table, noise from whole numbers), so that a
scene does not depend on a processor's vector instructions.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.world.chance import Generator

Array = NDArray[np.float64]

_STEPS = 4096
_SINE = np.array([round(math.sin(2 * math.pi * step / _STEPS) * 2**14) / 2**14 for step in range(_STEPS)])


def sine(turns: Array) -> Array:
    """Sine of an angle given in turns, to about three decimals."""
    return np.take(_SINE, np.floor(turns * _STEPS).astype(np.int64) & (_STEPS - 1))


class Folds(NamedTuple):
    """A cloth's shape: displacements in flag units (the flag is 1 wide and 1 high) and the slope that catches the light."""

    across: Array
    down: Array
    slope: Array


def wave(x: Array, y: Array, random: Generator) -> Folds:
    """Waves that travel from the hoist to the fly and grow on the way."""
    frequency, phase = random.uniform(0.7, 2.1), random.uniform()
    turns = frequency * x + random.uniform(-0.25, 0.25) * y + phase
    growth = 0.35 + 0.65 * np.clip(x + 0.5, 0.0, 1.0)
    height = random.uniform(0.03, 0.1) * growth
    return Folds(0.25 * height * sine(turns), height * sine(turns + 0.25), growth * sine(turns))


def diagonal(x: Array, y: Array, random: Generator) -> Folds:
    """Folds that run aslant from the upper hoist."""
    frequency, phase, lean = random.uniform(0.8, 1.8), random.uniform(), random.uniform(0.4, 1.0)
    turns = frequency * (x + lean * y) + phase
    height = random.uniform(0.03, 0.08)
    return Folds(0.6 * height * sine(turns), height * sine(turns + 0.25), sine(turns))


def drape(x: Array, y: Array, random: Generator) -> Folds:
    """Upright folds of cloth hung from above, deeper towards its lower edge."""
    frequency, phase = random.uniform(1.5, 3.0), random.uniform()
    turns = frequency * x + phase + 0.08 * y
    depth = 0.5 + 0.5 * np.clip(y + 0.5, 0.0, 1.0)
    height = random.uniform(0.02, 0.05)
    return Folds(height * depth * sine(turns), 0.4 * height * sine(turns + 0.25), depth * sine(turns))


def ripple(x: Array, y: Array, random: Generator) -> Folds:
    """Two crossing waves of unlike length."""
    first = random.uniform(0.8, 1.6) * x + random.uniform(0.1, 0.4) * y + random.uniform()
    second = random.uniform(2.0, 3.0) * x - random.uniform(0.3, 0.9) * y + random.uniform()
    height = random.uniform(0.03, 0.08)
    shape = 0.7 * sine(first) + 0.3 * sine(second)
    return Folds(0.3 * height * shape, height * (0.7 * sine(first + 0.25) + 0.3 * sine(second + 0.25)), shape)


def sag(x: Array, y: Array, random: Generator) -> Folds:
    """A banner held at its upper corners: the middle hangs lower, with soft folds."""
    hang = random.uniform(0.05, 0.16)
    turns = random.uniform(0.8, 1.6) * x + random.uniform(0.5, 1.1) * y + random.uniform()
    soft = sine(turns)
    return Folds(0.02 * soft, hang * (4 * x * x - 1) + 0.02 * soft, 0.7 * soft + 0.3 * x)


FOLDS = {"wave": wave, "diagonal": diagonal, "drape": drape, "ripple": ripple, "sag": sag}


class Pose(NamedTuple):
    """Where the flag stands in the picture.

    Args:
        centre: Of the flag, in pixels (x, y).
        size: Width and height in pixels before the perspective.
        turn: Rotation in turns.
        tilt: Perspective: how much nearer the right (x) and the lower (y) edge is.
    """

    centre: tuple[float, float]
    size: tuple[float, float]
    turn: float
    tilt: tuple[float, float]


def flag_coordinates(pose: Pose, side: int) -> tuple[Array, Array]:
    """For each pixel of a square picture its place on the flag, (side, side) each: -0.5 to 0.5 lies on the cloth."""
    grid = np.arange(side) + 0.5
    right, below = grid[None, :] - pose.centre[0], grid[:, None] - pose.centre[1]
    s, c = (float(sine(np.asarray(angle))) for angle in (pose.turn, pose.turn + 0.25))
    x, y = (c * right + s * below) / pose.size[0], (c * below - s * right) / pose.size[1]
    depth = 1 + pose.tilt[0] * x + pose.tilt[1] * y
    return x / depth, y / depth


def sampled(texture: Array, x: Array, y: Array) -> Array:
    """Bilinear samples of a texture (H + 2, W + 2, C) at flag coordinates; its margin of one pixel lies off the cloth."""
    height, width = texture.shape[0] - 2, texture.shape[1] - 2
    column = np.clip((x + 0.5) * width + 0.5, 0.0, width + 1)
    row = np.clip((y + 0.5) * height + 0.5, 0.0, height + 1)
    left, top = np.minimum(column.astype(np.int64), width), np.minimum(row.astype(np.int64), height)
    across, down = (column - left)[..., None], (row - top)[..., None]
    flat, corner = texture.reshape(-1, texture.shape[2]), top * (width + 2) + left
    upper_left, lower_left = flat.take(corner, axis=0), flat.take(corner + width + 2, axis=0)
    above = upper_left + (flat.take(corner + 1, axis=0) - upper_left) * across
    below = lower_left + (flat.take(corner + width + 3, axis=0) - lower_left) * across
    return np.asarray(above + (below - above) * down)
