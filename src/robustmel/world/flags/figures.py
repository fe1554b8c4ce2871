"""Simple outlines of beasts, leaves and things, in a box from -1 to 1 (x to the fly, y down)."""

from robustmel.world.flags.canvas import NAMED, Layer, Point


def _points(text: str) -> tuple[Point, ...]:
    pairs = (pair.split(",") for pair in text.split())
    return tuple((float(x), float(y)) for x, y in pairs)


OUTLINES = {name: _points(text) for name, text in NAMED["whole"].items()}
"""Corners by the name of what they outline."""

for _name, _text in NAMED["mirrored"].items():
    _half = _points(_text)
    OUTLINES[_name] = (*_half, *((-x, y) for x, y in reversed(_half)))


def figure(colour: str, outline: tuple[Point, ...], at: Point, size: float, stretch: float = 1.0) -> Layer:
    """Fills one of `OUTLINES`; `size` is half its box's width, `stretch` its height over its width."""
    points = [(at[0] + x * size, at[1] + y * size * stretch) for x, y in outline]
    return lambda canvas: canvas.polygon(points, colour)
