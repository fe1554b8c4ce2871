"""Coats of arms: a shield with charges, wreaths, and lines of writing, drawn as coloured shapes of the right place and size."""

from robustmel.world.flags.canvas import Canvas, Layer, Point, arc, around
from robustmel.world.flags.figures import OUTLINES


def shield(
    at: Point,
    width: float,
    height: float,
    *layers: Layer,
    edge: str | None = None,
    shape: tuple[Point, ...] = OUTLINES["SHIELD"],
) -> Layer:
    """Layers cut to the outline of a shield.

    Args:
        at: Centre, in flag heights.
        width: Over all, in flag heights.
        height: Over all, in flag heights.
        layers: Painted in units of the shield's height, origin at its upper hoist corner.
        edge: Colour of a rim around it; None for no rim.
        shape: Outline in a box from -1 to 1.
    """
    ratio = width / height
    outline = [((x + 1) / 2 * ratio, (y + 1) / 2) for x, y in shape]

    def paint(canvas: Canvas) -> None:
        if edge is not None:
            rim = 0.06 * max(width, height)
            points = [(at[0] + x * (width / 2 + rim), at[1] + y * (height / 2 + rim)) for x, y in shape]
            canvas.polygon(points, edge)
        part = Canvas(max(1, round(height * canvas.samples)), ratio)
        for layer in layers:
            layer(part)
        canvas.paste(part, at[0] - width / 2, at[1] - height / 2, outline)

    return paint


def wreath(colour: str, at: Point, radius: float, leaves: int = 7, leaf: float = 0.2, sweep: float = 125.0) -> Layer:
    """Two branches that rise from below; `leaf` is the length of a leaf over `radius`."""

    def paint(canvas: Canvas) -> None:
        for side in (-1, 1):
            for number in range(leaves):
                direction = 90 + side * (8 + sweep * number / (leaves - 1))
                place = around(at, radius, direction)
                tip = around(place, radius * leaf, direction + side * 60)
                canvas.band(place, tip, radius * leaf * 0.55, colour)
                canvas.disc(place, radius * leaf * 0.32, colour)

    return paint


def script(colour: str, at: Point, width: float, height: float, letters: int = 7) -> Layer:
    """Strokes that look like a line of Arabic writing from a distance."""

    def paint(canvas: Canvas) -> None:
        left, step = at[0] - width / 2, width / letters
        base = at[1] + height * 0.2
        for number in range(letters):
            x = left + step * (number + 0.5)
            stem = (0.75, 0.0, 0.55, 0.85, 0.2)[number % 5] * height
            if stem:
                canvas.band((x + step * 0.3, base), (x + step * 0.3, base - stem), step * 0.22, colour)
            depth = (0.5, 0.9, 0.3)[number % 3]
            canvas.polygon(
                [*arc((x, base), step * 0.6, 0, 180, depth), *arc((x, base), step * 0.34, 180, 0, depth * 0.5)], colour
            )
            if number % 2:
                canvas.disc((x, base - height * 0.35), step * 0.13, colour)
                canvas.disc((x - step * 0.1, base + height * 0.28), step * 0.12, colour)

    return paint
