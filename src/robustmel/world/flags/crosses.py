"""Crosses and saltires, the union flag that is made of them, and what is counterchanged."""

import math

from robustmel.world.flags.canvas import Canvas, Layer, Point, arc
from robustmel.world.flags.stripes import chequers, inset, vertical

_BOTTONY = (
    ((0.2, 0.43), (1.3, 0.43), (1.3, 0.57), (0.2, 0.57)),
    ((0.68, 0.08), (0.82, 0.08), (0.82, 0.92), (0.68, 0.92)),
    *(
        tuple(arc((x + dx * 0.075, y + dy * 0.075), 0.075))
        for x, y in ((0.2, 0.5), (1.3, 0.5), (0.75, 0.14), (0.75, 0.86))
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ),
)
"""A cross whose arms end in three leaves, on a sheet of ratio 3:2."""


def calvert(left: float, top: float) -> Layer:
    """Six upright bars of gold and black, counterchanged along a diagonal: the arms of the Calverts."""
    gold, black = "#FFD200", "black"

    def paint(canvas: Canvas) -> None:
        vertical(*(gold, black) * 3)(canvas)
        swapped = Canvas(canvas.samples, canvas.ratio)
        vertical(*(black, gold) * 3)(swapped)
        canvas.paste(swapped, 0, 0, ((0, 0), (0, 0.1), (1.5, 1.1), (1.5, 1), (1.5, 0.9), (0, -0.1)))

    return inset(left, top, 0.75, 0.5, paint)


def crossland(left: float, top: float) -> Layer:
    """A cross with rounded ends, red and white, counterchanged: the arms of the Crosslands."""

    def paint(canvas: Canvas) -> None:
        for first, second, outlines in (("#A6192E", "white", (None,)), ("white", "#A6192E", _BOTTONY)):
            part = Canvas(canvas.samples, canvas.ratio)
            chequers(second, first, 2, 2)(part)
            for outline in outlines:
                canvas.paste(part, 0, 0, outline)

    return inset(left, top, 0.75, 0.5, paint)


def cross(colour: str, width: float, at: float | None = None) -> Layer:
    """A cross to the edges: arms `width` high, its upright centred at `at` flag heights (the middle if None)."""

    def paint(canvas: Canvas) -> None:
        centre = canvas.ratio / 2 if at is None else at
        canvas.rectangle(0, 0.5 - width / 2, canvas.ratio, 0.5 + width / 2, colour)
        canvas.rectangle(centre - width / 2, 0, centre + width / 2, 1, colour)

    return paint


def saltire(colour: str, width: float) -> Layer:
    """Two diagonals from corner to corner."""

    def paint(canvas: Canvas) -> None:
        canvas.band((0, 0), (canvas.ratio, 1), width, colour)
        canvas.band((0, 1), (canvas.ratio, 0), width, colour)

    return paint


def couped_cross(colour: str, at: Point, size: float, width: float) -> Layer:
    """A cross with arms of equal length that stop short: `size` long over all, `width` thick, in flag heights."""

    def paint(canvas: Canvas) -> None:
        x, y = at
        canvas.rectangle(x - size / 2, y - width / 2, x + size / 2, y + width / 2, colour)
        canvas.rectangle(x - width / 2, y - size / 2, x + width / 2, y + size / 2, colour)

    return paint


def flared_cross(colour: str, at: Point, size: float) -> Layer:
    """A cross pattee: four arms that widen outwards."""

    def paint(canvas: Canvas) -> None:
        for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
            corners = ((0.0, 0.06), (0.5, 0.2), (0.5, -0.2), (0.0, -0.06))
            canvas.polygon([(at[0] + (dx * u - dy * v) * size, at[1] + (dy * u + dx * v) * size) for u, v in corners], colour)

    return paint


def union_flag(blue: str = "navy", red: str = "#C8102E") -> Layer:
    """The crosses of Saint George, Saint Andrew and Saint Patrick, the last one counterchanged."""

    def paint(canvas: Canvas) -> None:
        canvas.rectangle(0, 0, canvas.ratio, 1, blue)
        saltire("white", 0.2)(canvas)
        _counterchanged(canvas, red, 1 / 15)
        cross("white", 1 / 3)(canvas)
        cross(red, 0.2)(canvas)

    return paint


def _counterchanged(canvas: Canvas, red: str, width: float) -> None:
    middle = (canvas.ratio / 2, 0.5)
    # Going round from the upper hoist, each red arm lies on the side of its diagonal that comes before it.
    for corner in ((0.0, 0.0), (canvas.ratio, 0.0), (canvas.ratio, 1.0), (0.0, 1.0)):
        along = (corner[0] - middle[0], corner[1] - middle[1])
        length = math.hypot(*along)
        offset = (along[1] / length * width, -along[0] / length * width)
        far = (middle[0] + along[0] * 1.2, middle[1] + along[1] * 1.2)
        edge = [(x + offset[0], y + offset[1]) for x, y in (far, middle)]
        canvas.polygon([middle, far, *edge], red)
