"""Crescents."""

from __future__ import annotations

import math

from robustmel.world.flags.canvas import Layer, Point, arc


def crescent(colour: str, at: Point, radius: float, cut: float, offset: float, facing: float = 0.0) -> Layer:
    """A disc with a smaller disc cut away.

    Args:
        colour: Of the crescent.
        at: Centre of the outer disc.
        radius: Of the outer disc.
        cut: Radius of the disc cut away.
        offset: Distance between the two centres; the discs must cross.
        facing: Direction of the opening in degrees (0 to the fly, -90 up).
    """
    meet = (offset**2 + radius**2 - cut**2) / (2 * offset)
    horn = math.sqrt(radius**2 - meet**2)
    outer, inner = math.degrees(math.atan2(horn, meet)), math.degrees(math.atan2(horn, meet - offset))
    outside = arc((0, 0), radius, outer, 360 - outer)
    inside = arc((offset, 0), cut, 360 - inner, inner)
    cos, sin = math.cos(math.radians(facing)), math.sin(math.radians(facing))
    points = [(at[0] + x * cos - y * sin, at[1] + x * sin + y * cos) for x, y in (*outside, *inside)]
    return lambda canvas: canvas.polygon(points, colour)
