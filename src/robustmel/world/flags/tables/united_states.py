"""Flags of states, territories and cities of the United States."""

from __future__ import annotations

from robustmel.world.flags.cantons import canton, inset
from robustmel.world.flags.canvas import Canvas, Layer, Point, arc
from robustmel.world.flags.crescents import crescent
from robustmel.world.flags.crosses import union_flag
from robustmel.world.flags.discs import disc, ring, sector
from robustmel.world.flags.figures import BEAR_WALKING, CROWN, FIST_BIRD, PALM, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.stars import ring_of_stars, star, star_points, stars
from robustmel.world.flags.stripes import band, box, field, hoist_triangle, horizontal, polygon, vertical

OHIO_OUTLINE: tuple[Point, ...] = ((0, 0), (1.625, 0.2), (1.3, 0.5), (1.625, 0.8), (0, 1))
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

OLD_GLORY_RED, OLD_GLORY_BLUE = "#BF0A30", "#002868"


def _calvert(left: float, top: float) -> Layer:
    """Six upright bars of gold and black, counterchanged along a diagonal: the arms of the Calverts."""
    gold, black = "#FFD200", "black"

    def paint(canvas: Canvas) -> None:
        vertical(*(gold, black) * 3)(canvas)
        swapped = Canvas(canvas.samples, canvas.ratio)
        vertical(*(black, gold) * 3)(swapped)
        canvas.paste(swapped, 0, 0, ((0, 0), (0, 0.1), (1.5, 1.1), (1.5, 1), (1.5, 0.9), (0, -0.1)))

    return inset(left, top, 0.75, 0.5, paint)


def _crossland(left: float, top: float) -> Layer:
    """A cross with rounded ends, red and white, counterchanged: the arms of the Crosslands."""

    def paint(canvas: Canvas) -> None:
        for colours, shape in ((("#A6192E", "white"), None), (("white", "#A6192E"), True)):
            part = Canvas(canvas.samples, canvas.ratio)
            (first, second) = colours
            box(0, 0, 0.75, 0.5, second)(part)
            box(0.75, 0.5, 1.5, 1, second)(part)
            box(0.75, 0, 1.5, 0.5, first)(part)
            box(0, 0.5, 0.75, 1, first)(part)
            if shape is None:
                canvas.paste(part, 0, 0)
                continue
            for outline in _BOTTONY:
                canvas.paste(part, 0, 0, outline)

    return inset(left, top, 0.75, 0.5, paint)


UNITED_STATES = {
    "alaska": flag(
        10 / 7,
        field("#0F204B"),
        stars("#FFB612", 0.045, [(0.2, 0.44), (0.32, 0.55), (0.42, 0.63), (0.5, 0.72), (0.46, 0.85), (0.68, 0.87), (0.7, 0.7)]),
        star("#FFB612", (1.18, 0.16), 0.075),
    ),
    "american-samoa": flag(
        2,
        field("#000066"),
        polygon(OLD_GLORY_RED, (2, 0), (0, 0.5), (2, 1)),
        polygon("white", (2, 0.045), (0.15, 0.5), (2, 0.955)),
        figure("#8B4A16", FIST_BIRD, (1.5, 0.46), 0.4, 0.7),
        band("#FFCC00", (1.2, 0.68), (1.62, 0.6), 0.05),
    ),
    "arizona": flag(
        3 / 2,
        field(OLD_GLORY_BLUE),
        *(
            sector("#FED700" if n % 2 else OLD_GLORY_RED, (0.75, 0.5), 1.2, 180 + 180 / 13 * n, 180 + 180 / 13 * (n + 1))
            for n in range(13)
        ),
        box(0, 0.5, 1.5, 1, OLD_GLORY_BLUE),
        star("#CE5C17", (0.75, 0.51), 0.25),
    ),
    "california": flag(
        3 / 2,
        field("#F7F4EA"),
        box(0, 0.86, 1.5, 1, "#B71234"),
        star("#B71234", (0.2, 0.17), 0.1),
        polygon("#4B7A2A", (0.42, 0.68), (1.12, 0.64), (1.2, 0.72), (0.36, 0.72)),
        figure("#7A4B22", BEAR_WALKING, (0.77, 0.47), 0.34, 0.72),
        box(0.3, 0.76, 1.2, 0.8, "#5C4A3A"),
    ),
    "chicago": flag(
        3 / 2,
        horizontal("white", "#B3DDF2", "white", "#B3DDF2", "white", weights=(1, 1, 2, 1, 1)),
        stars("#FF0000", 0.13, [(0.3, 0.5), (0.6, 0.5), (0.9, 0.5), (1.2, 0.5)], 6, 0.33),
    ),
    "colorado": flag(
        3 / 2,
        horizontal(OLD_GLORY_BLUE, "white", OLD_GLORY_BLUE),
        ring(OLD_GLORY_RED, (0.68, 0.5), 1 / 3, 0.165, 38, 322),
        disc("#FFD700", (0.68, 0.5), 1 / 6),
    ),
    "georgia-us-state": flag(
        8 / 5,
        horizontal(OLD_GLORY_RED, "white", OLD_GLORY_RED),
        box(0, 0, 2 / 3, 2 / 3, OLD_GLORY_BLUE),
        ring_of_stars("white", (1 / 3, 1 / 3), 0.25, 13, 0.04),
        figure("#D4A017", CROWN, (1 / 3, 0.33), 0.1, 1.1),
        box(0.25, 0.43, 0.417, 0.45, "#D4A017"),
    ),
    "guam": flag(
        41 / 22,
        field("#BE0027"),
        box(0.045, 0.045, 1.82, 0.955, "#003A87"),
        polygon("#BE0027", *star_points((0.932, 0.5), 0.34, 2, 0.5)),
        polygon("#7FC4E8", *star_points((0.932, 0.5), 0.3, 2, 0.5)),
        figure("#2F7A2F", PALM, (0.95, 0.48), 0.09, 1.8),
        box(0.84, 0.6, 1.03, 0.66, "#E8D9A0"),
    ),
    "hawaii": flag(2, horizontal(*("white", "#C8102E", "#012169") * 2, "white", "#C8102E"), canton(1, 0.5, union_flag())),
    "maryland": flag(
        3 / 2,
        _calvert(0, 0),
        _crossland(0.75, 0),
        _crossland(0, 0.5),
        _calvert(0.75, 0.5),
    ),
    "new-mexico": flag(
        3 / 2,
        field("#FFD700"),
        ring("#BF0A30", (0.75, 0.5), 0.13, 0.03),
        *(
            box(0.75 + o - 0.012, y, 0.75 + o + 0.012, y + length, "#BF0A30")
            for o, cut in ((-0.075, 0.06), (-0.025, 0), (0.025, 0), (0.075, 0.06))
            for y, length in ((0.14 + cut, 0.24 - cut), (0.62, 0.24 - cut))
        ),
        *(
            box(x, 0.5 + o - 0.012, x + length, 0.5 + o + 0.012, "#BF0A30")
            for o, cut in ((-0.075, 0.06), (-0.025, 0), (0.025, 0), (0.075, 0.06))
            for x, length in ((0.39 + cut, 0.24 - cut), (0.87, 0.24 - cut))
        ),
    ),
    "north-carolina": flag(
        3 / 2,
        horizontal("#BF0A30", "white"),
        box(0, 0, 0.5, 1, "#00205B"),
        star("white", (0.25, 0.5), 0.11),
        band("#F1BF00", (0.1, 0.26), (0.4, 0.26), 0.07),
        band("#F1BF00", (0.1, 0.74), (0.4, 0.74), 0.07),
    ),
    "ohio": flag(
        13 / 8,
        horizontal("#C8102E", "white", "#C8102E", "white", "#C8102E"),
        polygon("#001C5A", (0, 0), (0.81, 0.5), (0, 1)),
        disc("white", (0.3, 0.5), 0.16),
        disc("#C8102E", (0.3, 0.5), 0.09),
        stars(
            "white",
            0.035,
            [
                (0.07, 0.16),
                (0.16, 0.22),
                (0.25, 0.28),
                (0.07, 0.84),
                (0.16, 0.78),
                (0.25, 0.72),
                (0.07, 0.3),
                (0.07, 0.7),
                (0.5, 0.42),
                (0.5, 0.58),
                (0.58, 0.5),
            ],
        ),
        outline=OHIO_OUTLINE,
    ),
    "puerto-rico": flag(
        3 / 2,
        horizontal("#ED0000", "white", "#ED0000", "white", "#ED0000"),
        hoist_triangle("#0050F0", 0.866),
        star("white", (0.29, 0.5), 0.167),
    ),
    "south-carolina": flag(
        3 / 2,
        field("#003087"),
        figure("white", PALM, (0.75, 0.52), 0.26, 1.2),
        crescent("white", (0.3, 0.2), 0.11, 0.1, 0.055, -45),
    ),
    "tennessee": flag(
        5 / 3,
        field("#CC0000"),
        box(1.56, 0, 1.667, 1, "#002D65"),
        box(1.53, 0, 1.56, 1, "white"),
        disc("white", (0.8, 0.5), 0.3),
        disc("#002D65", (0.8, 0.5), 0.275),
        *(
            star("white", place, 0.12, turn=turn)
            for place, turn in (((0.86, 0.35), 10), ((0.68, 0.5), -20), ((0.86, 0.63), 30))
        ),
    ),
    "texas": flag(
        3 / 2, horizontal("white", OLD_GLORY_RED), box(0, 0, 0.5, 1, OLD_GLORY_BLUE), star("white", (0.25, 0.5), 0.19)
    ),
    "washington-dc": flag(
        2,
        field("white"),
        box(0, 0.4, 2, 0.55, "#E81B39"),
        box(0, 0.7, 2, 0.85, "#E81B39"),
        stars("#E81B39", 0.13, [(0.5, 0.2), (1, 0.2), (1.5, 0.2)]),
    ),
}
"""Entity id -> flag."""
