"""Discs, rings, ovals, wheels, suns and crescents."""

import math

from robustmel.world.flags.canvas import Canvas, Layer, Point, arc, around
from robustmel.world.flags.stars import star_points


def disc(colour: str, at: Point, radius: float) -> Layer:
    """A disc."""
    return lambda canvas: canvas.disc(at, radius, colour)


def oval(colour: str, at: Point, width: float, height: float) -> Layer:
    """An ellipse, `width` and `height` over all."""
    return lambda canvas: canvas.polygon(arc(at, width / 2, squeeze=height / width), colour)


def sector(colour: str, at: Point, radius: float, start: float, end: float) -> Layer:
    """A slice of a disc between two directions in degrees (0 to the fly, 90 down)."""
    return lambda canvas: canvas.polygon([at, *arc(at, radius, start, end)], colour)


def ring(colour: str, at: Point, radius: float, width: float, start: float = 0.0, end: float = 360.0) -> Layer:
    """A ring or an arc of it; `radius` is the outer one."""
    return lambda canvas: canvas.polygon([*arc(at, radius, start, end), *arc(at, radius - width, end, start)], colour)


def wheel(colour: str, at: Point, radius: float, spokes: int) -> Layer:
    """A rim, a hub and thin spokes."""

    def paint(canvas: Canvas) -> None:
        for spoke in range(spokes):
            canvas.band(at, around(at, radius, 360 / spokes * spoke), radius * 0.05, colour)
        ring(colour, at, radius, radius * 0.13)(canvas)
        canvas.disc(at, radius * 0.2, colour)

    return paint


def sun(colour: str, at: Point, radius: float, rays: int, body: float = 0.5, root: float = 0.55, turn: float = 0.0) -> Layer:
    """A disc with pointed rays.

    Args:
        colour: Of disc and rays.
        at: Centre.
        radius: To the tips of the rays.
        rays: Their number.
        body: Radius of the disc over `radius`.
        root: Where neighbouring rays meet, over `radius`.
        turn: Degrees clockwise.
    """

    def paint(canvas: Canvas) -> None:
        canvas.polygon(star_points(at, radius, rays, root, turn), colour)
        canvas.disc(at, radius * body, colour)

    return paint


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
