"""Fields, stripes, bands, borders, triangles, and cantons with a design of their own."""

from collections.abc import Sequence
from itertools import accumulate

from robustmel.world.flags.canvas import Canvas, Layer, Point


def field(colour: str) -> Layer:
    """One colour all over."""
    return lambda canvas: canvas.rectangle(0, 0, canvas.ratio, 1, colour)


def _edges(count: int, weights: Sequence[float] | None) -> list[float]:
    weights = weights or (1,) * count
    if len(weights) != count:
        raise ValueError(f"{count} stripes have {len(weights)} widths")
    return [edge / sum(weights) for edge in accumulate(weights, initial=0)]


def horizontal(*colours: str, weights: Sequence[float] | None = None) -> Layer:
    """Stripes from top to bottom; equal, or as wide as `weights` say."""
    edges = _edges(len(colours), weights)

    def paint(canvas: Canvas) -> None:
        for colour, top, bottom in zip(colours, edges, edges[1:], strict=False):
            canvas.rectangle(0, top, canvas.ratio, bottom, colour)

    return paint


def vertical(*colours: str, weights: Sequence[float] | None = None) -> Layer:
    """Stripes from hoist to fly; equal, or as wide as `weights` say."""
    edges = _edges(len(colours), weights)

    def paint(canvas: Canvas) -> None:
        for colour, left, right in zip(colours, edges, edges[1:], strict=False):
            canvas.rectangle(left * canvas.ratio, 0, right * canvas.ratio, 1, colour)

    return paint


def box(left: float, top: float, right: float, bottom: float, colour: str) -> Layer:
    """A rectangle, in flag heights."""
    return lambda canvas: canvas.rectangle(left, top, right, bottom, colour)


def polygon(colour: str, *points: Point) -> Layer:
    """A polygon, in flag heights."""
    return lambda canvas: canvas.polygon(points, colour)


def band(colour: str, start: Point, end: Point, width: float) -> Layer:
    """A straight band around a segment, in flag heights."""
    return lambda canvas: canvas.band(start, end, width, colour)


def hoist_triangle(colour: str, depth: float, inset: float = 0.0) -> Layer:
    """A triangle on the hoist, `depth` flag heights deep; `inset` cuts that much off its corners at top and bottom."""
    return polygon(colour, (0, inset), (depth, 0.5), (0, 1 - inset))


def border(colour: str, width: float) -> Layer:
    """A frame along all four edges, in flag heights."""

    def paint(canvas: Canvas) -> None:
        canvas.rectangle(0, 0, canvas.ratio, width, colour)
        canvas.rectangle(0, 1 - width, canvas.ratio, 1, colour)
        canvas.rectangle(0, 0, width, 1, colour)
        canvas.rectangle(canvas.ratio - width, 0, canvas.ratio, 1, colour)

    return paint


def serrated(colour: str, start: float, depth: float, teeth: int) -> Layer:
    """Fills the hoist up to a zigzag of `teeth` points, which reach from `start` to `start + depth`."""
    points: list[Point] = [(0, 0), (start, 0)]
    for tooth in range(teeth):
        points += [(start + depth, (tooth + 0.5) / teeth), (start, (tooth + 1) / teeth)]
    return polygon(colour, *points, (0, 1))


def chequers(first: str, second: str, columns: int, rows: int) -> Layer:
    """A chessboard with `first` in the upper hoist corner."""

    def paint(canvas: Canvas) -> None:
        for row in range(rows):
            for column in range(columns):
                left, right = (edge * canvas.ratio / columns for edge in (column, column + 1))
                colour = second if (row + column) % 2 else first
                canvas.rectangle(left, row / rows, right, (row + 1) / rows, colour)

    return paint


def inset(left: float, top: float, width: float, height: float, *layers: Layer) -> Layer:
    """Paints layers into a rectangle; inside it their unit is the rectangle's own height."""

    def paint(canvas: Canvas) -> None:
        part = Canvas(max(1, round(height * canvas.samples)), width / height)
        for layer in layers:
            layer(part)
        canvas.paste(part, left, top)

    return paint


def canton(width: float, height: float, *layers: Layer) -> Layer:
    """An inset in the upper hoist corner."""
    return inset(0, 0, width, height, *layers)
