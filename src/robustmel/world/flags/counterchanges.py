"""The counterchanged arms of Maryland's flag: parts whose colours swap along a line."""

from robustmel.world.flags.canvas import Canvas, Layer, arc
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
