"""Stars: single, in rows, in rings."""

from collections.abc import Sequence

from robustmel.world.flags.canvas import Canvas, Layer, Point, around

PENTAGRAM = 0.381966
"""Inner over outer radius of the regular five-pointed star."""


def star_points(at: Point, radius: float, points: int = 5, inner: float = PENTAGRAM, turn: float = 0.0) -> list[Point]:
    """Corners of a star with one point up, turned clockwise by `turn` degrees."""
    step = 180 / points
    return [around(at, radius * (inner if corner % 2 else 1), turn - 90 + corner * step) for corner in range(2 * points)]


def star(colour: str, at: Point, radius: float, points: int = 5, inner: float = PENTAGRAM, turn: float = 0.0) -> Layer:
    """One star; `radius` reaches to its points, in flag heights."""
    return lambda canvas: canvas.polygon(star_points(at, radius, points, inner, turn), colour)


def stars(
    colour: str, radius: float, places: Sequence[Point], points: int = 5, inner: float = PENTAGRAM, turn: float = 0.0
) -> Layer:
    """Equal stars at several places."""

    def paint(canvas: Canvas) -> None:
        for place in places:
            canvas.polygon(star_points(place, radius, points, inner, turn), colour)

    return paint


def ring_of_stars(
    colour: str,
    at: Point,
    ring: float,
    count: int,
    radius: float,
    start: float = -90.0,
    sweep: float = 360.0,
    upright: bool = True,
) -> Layer:
    """Five-pointed stars along a circle or an arc of it.

    Args:
        colour: Of the stars.
        at: Centre of the circle.
        ring: Its radius.
        count: Number of stars.
        radius: Of a star.
        start: Direction of the first star in degrees; -90 is up.
        sweep: Angle the stars are spread over; 360 closes the ring.
        upright: Every star points up instead of outwards.
    """
    step = sweep / count if sweep == 360 else sweep / (count - 1)

    def paint(canvas: Canvas) -> None:
        for direction in (start + step * number for number in range(count)):
            canvas.polygon(star_points(around(at, ring, direction), radius, turn=0 if upright else direction + 90), colour)

    return paint


def outlined_star(
    colour: str, edge: str, at: Point, radius: float, width: float, points: int = 5, inner: float = PENTAGRAM
) -> Layer:
    """A star with an edge `width` flag heights wide."""

    def paint(canvas: Canvas) -> None:
        canvas.polygon(star_points(at, radius + 2.2 * width, points, inner), edge)
        canvas.polygon(star_points(at, radius, points, inner), colour)

    return paint


def interlaced_star(colour: str, at: Point, radius: float, width: float, points: int = 5, skip: int = 2) -> Layer:
    """The outline of a star drawn in one stroke: every `skip`-th of `points` corners joined."""
    corners = [around(at, radius, -90 + 360 / points * number) for number in range(points)]

    def paint(canvas: Canvas) -> None:
        for number, corner in enumerate(corners):
            canvas.band(corner, corners[(number + skip) % points], width, colour)

    return paint
