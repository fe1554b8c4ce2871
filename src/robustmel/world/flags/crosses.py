"""Crosses and saltires, and the union flag that is made of them."""

import math

from robustmel.world.flags.canvas import Canvas, Layer, Point


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
