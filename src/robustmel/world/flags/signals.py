"""The forty flags of the International Code of Signals."""

from __future__ import annotations

from robustmel.world.flags.canvas import Layer, Point
from robustmel.world.flags.crosses import cross, saltire
from robustmel.world.flags.discs import disc
from robustmel.world.flags.flag import Flag, flag
from robustmel.world.flags.stripes import band, box, chequers, field, horizontal, polygon, vertical

BLUE, RED, YELLOW = "signal-blue", "signal-red", "signal-yellow"
SQUARE = 6 / 5
SWALLOW_TAIL: tuple[Point, ...] = ((0, 0), (SQUARE, 0), (SQUARE * 0.7, 0.5), (SQUARE, 1), (0, 1))
PENNANT = 2.4
PENNANT_OUTLINE: tuple[Point, ...] = ((0, 0), (PENNANT, 0.35), (PENNANT, 0.65), (0, 1))
TRIANGLE = 1.4
TRIANGLE_OUTLINE: tuple[Point, ...] = ((0, 0), (TRIANGLE, 0.5), (0, 1))


def _letter(*layers: Layer) -> Flag:
    return flag(SQUARE, *layers)


def _pennant(*layers: Layer) -> Flag:
    return flag(PENNANT, *layers, outline=PENNANT_OUTLINE)


def _substitute(*layers: Layer) -> Flag:
    return flag(TRIANGLE, *layers, outline=TRIANGLE_OUTLINE)


LETTERS = {
    "signal-alfa": flag(SQUARE, vertical("white", BLUE), outline=SWALLOW_TAIL),
    "signal-bravo": flag(SQUARE, field(RED), outline=SWALLOW_TAIL),
    "signal-charlie": _letter(horizontal(BLUE, "white", RED, "white", BLUE)),
    "signal-delta": _letter(horizontal(YELLOW, BLUE, YELLOW, weights=(1, 2, 1))),
    "signal-echo": _letter(horizontal(BLUE, RED)),
    "signal-foxtrot": _letter(field("white"), polygon(RED, (SQUARE / 2, 0), (SQUARE, 0.5), (SQUARE / 2, 1), (0, 0.5))),
    "signal-golf": _letter(vertical(*(YELLOW, BLUE) * 3)),
    "signal-hotel": _letter(vertical("white", RED)),
    "signal-india": _letter(field(YELLOW), disc("black", (SQUARE / 2, 0.5), 0.25)),
    "signal-juliett": _letter(horizontal(BLUE, "white", BLUE)),
    "signal-kilo": _letter(vertical(YELLOW, BLUE)),
    "signal-lima": _letter(chequers(YELLOW, "black", 2, 2)),
    "signal-mike": _letter(field(BLUE), saltire("white", 0.2)),
    "signal-november": _letter(chequers(BLUE, "white", 4, 4)),
    "signal-oscar": _letter(field(YELLOW), polygon(RED, (0, 0), (SQUARE, 0), (SQUARE, 1))),
    "signal-papa": _letter(field(BLUE), box(SQUARE / 3, 1 / 3, SQUARE * 2 / 3, 2 / 3, "white")),
    "signal-quebec": _letter(field(YELLOW)),
    "signal-romeo": _letter(field(RED), cross(YELLOW, 0.2)),
    "signal-sierra": _letter(field("white"), box(SQUARE / 3, 1 / 3, SQUARE * 2 / 3, 2 / 3, BLUE)),
    "signal-tango": _letter(vertical(RED, "white", BLUE)),
    "signal-uniform": _letter(chequers(RED, "white", 2, 2)),
    "signal-victor": _letter(field("white"), saltire(RED, 0.2)),
    "signal-whiskey": _letter(field(BLUE), box(0.2, 0.2, SQUARE - 0.2, 0.8, "white"), box(0.4, 0.4, SQUARE - 0.4, 0.6, RED)),
    "signal-xray": _letter(field("white"), cross(BLUE, 0.2)),
    "signal-yankee": _letter(
        field(YELLOW), *(band(RED, (-1.12 + 0.44 * step, 1.16), (0.2 + 0.44 * step, -0.16), 0.156) for step in range(1, 6))
    ),
    "signal-zulu": _letter(
        polygon("black", (0, 0), (0, 1), (SQUARE / 2, 0.5)),
        polygon(YELLOW, (0, 0), (SQUARE, 0), (SQUARE / 2, 0.5)),
        polygon(BLUE, (SQUARE, 0), (SQUARE, 1), (SQUARE / 2, 0.5)),
        polygon(RED, (0, 1), (SQUARE, 1), (SQUARE / 2, 0.5)),
    ),
}
"""Entity id -> flag of a letter."""

PENNANTS = {
    "pennant-zero": _pennant(vertical(YELLOW, RED, YELLOW)),
    "pennant-one": _pennant(field("white"), disc(RED, (0.7, 0.5), 0.22)),
    "pennant-two": _pennant(field(BLUE), disc("white", (0.7, 0.5), 0.22)),
    "pennant-three": _pennant(vertical(RED, "white", BLUE)),
    "pennant-four": _pennant(field(RED), cross("white", 0.2, 0.7)),
    "pennant-five": _pennant(vertical(YELLOW, BLUE)),
    "pennant-six": _pennant(horizontal("black", "white")),
    "pennant-seven": _pennant(horizontal(YELLOW, RED)),
    "pennant-eight": _pennant(field("white"), cross(RED, 0.2, 0.7)),
    "pennant-nine": _pennant(
        box(0, 0, PENNANT / 2, 0.5, "white"),
        box(PENNANT / 2, 0, PENNANT, 0.5, "black"),
        box(0, 0.5, PENNANT / 2, 1, RED),
        box(PENNANT / 2, 0.5, PENNANT, 1, YELLOW),
    ),
    "answering-pennant": _pennant(vertical(RED, "white", RED, "white", RED)),
}
"""Entity id -> flag of a numeral, and the answering pennant."""

SUBSTITUTES = {
    "first-substitute": _substitute(field(BLUE), polygon(YELLOW, (0.14, 0.22), (TRIANGLE - 0.5, 0.5), (0.14, 0.78))),
    "second-substitute": _substitute(vertical(BLUE, "white", weights=(2, 3))),
    "third-substitute": _substitute(field("white"), box(0, 0.38, TRIANGLE, 0.62, "black")),
}
"""Entity id -> flag of a substitute (repeater)."""

SIGNALS: dict[str, Flag] = LETTERS | PENNANTS | SUBSTITUTES
