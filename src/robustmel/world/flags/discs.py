"""Discs, rings, ovals, wheels and suns."""

from __future__ import annotations

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
