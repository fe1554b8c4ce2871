"""National flags of Asia."""

from __future__ import annotations

import math

from robustmel.world.flags.canvas import Layer, Point
from robustmel.world.flags.crescents import crescent
from robustmel.world.flags.discs import disc, ring, sector, sun, wheel
from robustmel.world.flags.figures import CEDAR, CROWN, LION, SPREAD_BIRD, TRIDENT_FORT, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.shields import script
from robustmel.world.flags.stars import interlaced_star, ring_of_stars, star, stars
from robustmel.world.flags.stripes import band, box, field, hoist_triangle, horizontal, polygon, serrated, vertical

NEPAL_OUTLINE: tuple[Point, ...] = ((0, 0), (0.8, 0.53), (0.36, 0.53), (0.8, 1), (0, 1))


def _trigram(at: Point, slope: float, broken: tuple[bool, bool, bool]) -> tuple[Layer, ...]:
    """Three parallel bars, outermost first; a broken one has a gap in the middle."""
    length = math.hypot(1, slope)
    outwards = (math.copysign(1 / length, at[0] - 0.75), math.copysign(slope / length, at[1] - 0.5))
    aside = (-outwards[1], outwards[0])
    bars: list[Layer] = []
    for row, gap in zip((0.0625, 0.0, -0.0625), broken, strict=True):
        x, y = at[0] + outwards[0] * row, at[1] + outwards[1] * row
        for start, end in ((-0.125, -0.0104), (0.0104, 0.125)) if gap else ((-0.125, 0.125),):
            ends = [(x + aside[0] * along, y + aside[1] * along) for along in (start, end)]
            bars.append(band("black", ends[0], ends[1], 0.0417))
    return tuple(bars)


_TRIGRAMS = (
    *_trigram((0.4, 0.267), 2 / 3, (False, False, False)),
    *_trigram((1.1, 0.733), 2 / 3, (True, True, True)),
    *_trigram((1.1, 0.267), 2 / 3, (True, False, True)),
    *_trigram((0.4, 0.733), 2 / 3, (False, True, False)),
)

ASIA = {
    "bahrain": flag(5 / 3, field("#DA291C"), serrated("white", 0.48, 0.22, 5)),
    "bangladesh": flag(5 / 3, field("#006A4E"), disc("#F42A41", (0.75, 0.5), 1 / 3)),
    "bhutan": flag(
        3 / 2,
        field("#FF4E12"),
        polygon("#FFD520", (0, 0), (1.5, 0), (0, 1)),
        *(
            band("white", start, end, 0.07)
            for start, end in (
                ((0.35, 0.8), (0.5, 0.6)),
                ((0.5, 0.6), (0.68, 0.62)),
                ((0.68, 0.62), (0.78, 0.42)),
                ((0.78, 0.42), (0.98, 0.42)),
                ((0.98, 0.42), (1.12, 0.22)),
                ((0.5, 0.6), (0.42, 0.5)),
                ((0.78, 0.42), (0.7, 0.32)),
                ((0.98, 0.42), (1.08, 0.52)),
            )
        ),
        disc("white", (1.14, 0.22), 0.07),
    ),
    "brunei": flag(
        2,
        field("#F7E017"),
        polygon("white", (0, 0), (2, 0.55), (2, 0.83), (0, 0.28)),
        polygon("black", (0, 0.28), (2, 0.83), (2, 1.03), (0, 0.48)),
        crescent("#CF1126", (1, 0.5), 0.22, 0.2, 0.07, -90),
        box(0.97, 0.2, 1.03, 0.7, "#CF1126"),
        polygon("#CF1126", (0.85, 0.24), (1, 0.18), (1.15, 0.24)),
        box(0.8, 0.74, 1.2, 0.79, "#CF1126"),
    ),
    "cambodia": flag(
        25 / 16,
        horizontal("#032EA1", "#E00025", "#032EA1", weights=(1, 2, 1)),
        figure("white", TRIDENT_FORT, (0.78, 0.52), 0.25, 0.8),
        box(0.6, 0.56, 0.96, 0.57, "#032EA1"),
        box(0.56, 0.615, 1, 0.625, "#032EA1"),
    ),
    "china": flag(
        3 / 2,
        field("#EE1C25"),
        star("#FFFF00", (0.25, 0.25), 0.15),
        *(
            star("#FFFF00", (x, y), 0.05, turn=turn)
            for x, y, turn in ((0.5, 0.1, 20), (0.6, 0.2, 45), (0.6, 0.35, 0), (0.5, 0.45, 20))
        ),
    ),
    "india": flag(3 / 2, horizontal("#FF9933", "white", "#138808"), wheel("#000080", (0.75, 0.5), 0.145, 24)),
    "indonesia": flag(3 / 2, horizontal("#FF0000", "white")),
    "iran": flag(
        7 / 4,
        horizontal("#239F40", "white", "#DA0000"),
        *(box(0.02 + 0.08 * step, 0.305, 0.06 + 0.08 * step, 0.325, "white") for step in range(22)),
        *(box(0.02 + 0.08 * step, 0.675, 0.06 + 0.08 * step, 0.695, "white") for step in range(22)),
        crescent("#DA0000", (0.84, 0.49), 0.11, 0.095, 0.04, 0),
        crescent("#DA0000", (0.91, 0.49), 0.11, 0.095, 0.04, 180),
        box(0.865, 0.38, 0.885, 0.61, "#DA0000"),
    ),
    "iraq": flag(3 / 2, horizontal("#CE1126", "white", "black"), script("#007A3D", (0.75, 0.5), 0.7, 0.2, 8)),
    "israel": flag(
        11 / 8,
        field("white"),
        box(0, 0.094, 2, 0.25, "#0038B8"),
        box(0, 0.75, 2, 0.906, "#0038B8"),
        interlaced_star("#0038B8", (11 / 16, 0.5), 0.19, 0.03, 6, 2),
    ),
    "japan": flag(3 / 2, field("white"), disc("#BC002D", (0.75, 0.5), 0.3)),
    "jordan": flag(
        2, horizontal("black", "white", "#007A3D"), hoist_triangle("#CE1126", 1), star("white", (0.33, 0.5), 0.08, 7, 0.5)
    ),
    "kazakhstan": flag(
        2,
        field("#00AFCA"),
        sun("#FEC50C", (1, 0.42), 0.28, 32, 0.6, 0.68),
        ring("#00AFCA", (1, 0.42), 0.19, 0.015),
        figure("#FEC50C", SPREAD_BIRD, (1, 0.75), 0.36, 0.5),
        box(0.04, 0.02, 0.11, 0.98, "#FEC50C"),
    ),
    "kuwait": flag(2, horizontal("#007A3D", "white", "#CE1126"), polygon("black", (0, 0), (0.5, 1 / 3), (0.5, 2 / 3), (0, 1))),
    "kyrgyzstan": flag(
        5 / 3,
        field("#E8112D"),
        sun("#FFEF00", (0.833, 0.5), 0.3, 40, 0.55, 0.66),
        ring("#E8112D", (0.833, 0.5), 0.16, 0.02),
        *(band("#E8112D", (0.69, y), (0.976, 1 - y), 0.016) for y in (0.44, 0.47, 0.53, 0.56)),
    ),
    "laos": flag(3 / 2, horizontal("#CE1126", "#002868", "#CE1126", weights=(1, 2, 1)), disc("white", (0.75, 0.5), 0.2)),
    "lebanon": flag(
        3 / 2, horizontal("#EE161F", "white", "#EE161F", weights=(1, 2, 1)), figure("#00A850", CEDAR, (0.75, 0.5), 0.24)
    ),
    "malaysia": flag(
        2,
        horizontal(*("#CC0001", "white") * 7),
        box(0, 0, 1, 8 / 14, "#010066"),
        crescent("#FFCC00", (0.42, 0.285), 0.2, 0.175, 0.06),
        star("#FFCC00", (0.62, 0.285), 0.16, 14, 0.5),
    ),
    "maldives": flag(
        3 / 2, field("#D21034"), box(0.25, 0.25, 1.25, 0.75, "#007E3A"), crescent("white", (0.77, 0.5), 0.167, 0.155, 0.07)
    ),
    "mongolia": flag(
        2,
        vertical("#DA2032", "#0066B3", "#DA2032"),
        box(0.24, 0.46, 0.29, 0.82, "#FFD900"),
        box(0.4, 0.46, 0.45, 0.82, "#FFD900"),
        disc("#FFD900", (0.345, 0.62), 0.048),
        disc("#FFD900", (0.345, 0.34), 0.045),
        crescent("#FFD900", (0.345, 0.38), 0.06, 0.06, 0.03, -90),
        polygon("#FFD900", (0.315, 0.27), (0.345, 0.16), (0.375, 0.27)),
        polygon("#FFD900", (0.31, 0.47), (0.38, 0.47), (0.345, 0.52)),
        box(0.31, 0.53, 0.38, 0.55, "#FFD900"),
        box(0.31, 0.69, 0.38, 0.71, "#FFD900"),
        polygon("#FFD900", (0.31, 0.73), (0.38, 0.73), (0.345, 0.79)),
    ),
    "myanmar": flag(3 / 2, horizontal("#FECB00", "#34B233", "#EA2839"), star("white", (0.75, 0.53), 0.36)),
    "nepal": flag(
        0.82,
        field("#003893"),
        polygon("#DC143C", (0.035, 0.06), (0.69, 0.495), (0.27, 0.495), (0.71, 0.965), (0.035, 0.965)),
        crescent("white", (0.22, 0.33), 0.11, 0.115, 0.045, -90),
        star("white", (0.22, 0.35), 0.065, 8, 0.55),
        star("white", (0.23, 0.74), 0.12, 12, 0.6),
        outline=NEPAL_OUTLINE,
    ),
    "north-korea": flag(
        2,
        horizontal("#024FA2", "white", "#ED1C27", "white", "#024FA2", weights=(6, 2, 22, 2, 6)),
        disc("white", (2 / 3, 0.5), 0.215),
        star("#ED1C27", (2 / 3, 0.5), 0.205),
    ),
    "oman": flag(
        7 / 4,
        horizontal("white", "#DB161B", "#008000"),
        box(0, 0, 0.44, 1, "#DB161B"),
        band("white", (0.13, 0.09), (0.31, 0.27), 0.025),
        band("white", (0.31, 0.09), (0.13, 0.27), 0.025),
        disc("white", (0.22, 0.2), 0.035),
        band("white", (0.14, 0.16), (0.3, 0.16), 0.02),
    ),
    "pakistan": flag(
        3 / 2,
        field("#00401A"),
        box(0, 0, 0.375, 1, "white"),
        crescent("white", (0.93, 0.51), 0.3, 0.275, 0.1, -40),
        star("white", (1.07, 0.37), 0.1, turn=-40),
    ),
    "palestine": flag(2, horizontal("black", "white", "#149954"), hoist_triangle("#E4312B", 2 / 3)),
    "philippines": flag(
        2,
        horizontal("#0038A8", "#CE1126"),
        hoist_triangle("white", 0.866),
        sun("#FCD116", (0.29, 0.5), 0.19, 8, 0.48, 0.4),
        stars("#FCD116", 0.05, [(0.07, 0.12), (0.07, 0.88), (0.74, 0.5)]),
    ),
    "qatar": flag(28 / 11, field("#8A1538"), serrated("white", 0.77, 0.2, 9)),
    "saudi-arabia": flag(
        3 / 2,
        field("#006C35"),
        script("white", (0.75, 0.42), 0.9, 0.36, 9),
        band("white", (0.42, 0.74), (1.12, 0.74), 0.024),
        band("white", (1.05, 0.69), (1.05, 0.79), 0.024),
    ),
    "singapore": flag(
        3 / 2,
        horizontal("#EE2536", "white"),
        crescent("white", (0.33, 0.25), 0.185, 0.185, 0.075),
        ring_of_stars("white", (0.46, 0.25), 0.105, 5, 0.043),
    ),
    "south-korea": flag(
        3 / 2,
        field("white"),
        sector("#0047A0", (0.75, 0.5), 0.25, 33.7, 213.7),
        sector("#CD2E3A", (0.75, 0.5), 0.25, -146.3, 33.7),
        disc("#CD2E3A", (0.646, 0.4307), 0.125),
        disc("#0047A0", (0.854, 0.5693), 0.125),
        *_TRIGRAMS,
    ),
    "sri-lanka": flag(
        2,
        field("#FFB700"),
        box(0.07, 0.08, 0.3, 0.92, "#00534E"),
        box(0.3, 0.08, 0.54, 0.92, "#EB7400"),
        box(0.64, 0.08, 1.92, 0.92, "#8D2029"),
        figure("#FFB700", LION, (1.36, 0.54), 0.32, 0.8),
        band("#FFB700", (0.98, 0.2), (0.98, 0.8), 0.04),
        *(disc("#FFB700", place, 0.05) for place in ((0.72, 0.16), (1.84, 0.16), (0.72, 0.84), (1.84, 0.84))),
    ),
    "syria": flag(
        3 / 2, horizontal("#007A3D", "white", "black"), stars("#CE1126", 0.125, [(0.42, 0.51), (0.75, 0.51), (1.08, 0.51)])
    ),
    "taiwan": flag(
        3 / 2,
        field("#FE0000"),
        box(0, 0, 0.75, 0.5, "#000095"),
        sun("white", (0.375, 0.25), 0.19, 12, 0.45, 0.5),
        ring("#000095", (0.375, 0.25), 0.1, 0.014),
    ),
    "tajikistan": flag(
        2,
        horizontal("#CC0000", "white", "#006600", weights=(2, 3, 2)),
        figure("#F8C300", CROWN, (1, 0.56), 0.09, 0.9),
        ring_of_stars("#F8C300", (1, 0.54), 0.17, 7, 0.03, -165, 150),
    ),
    "thailand": flag(3 / 2, horizontal("#A51931", "#F4F5F8", "#2D2A4A", "#F4F5F8", "#A51931", weights=(1, 1, 2, 1, 1))),
    "timor-leste": flag(
        2,
        field("#DC241F"),
        hoist_triangle("#FFC726", 1),
        hoist_triangle("black", 2 / 3),
        star("white", (0.24, 0.5), 0.17, turn=-24),
    ),
    "turkey": flag(
        3 / 2, field("#E30A17"), crescent("white", (0.5, 0.5), 0.25, 0.2, 0.0625), star("white", (0.79, 0.5), 0.125, turn=-90)
    ),
    "turkmenistan": flag(
        3 / 2,
        field("#00843D"),
        box(0.18, 0, 0.48, 1, "#D22630"),
        *(star("white", (0.33, 0.1 + 0.2 * step), 0.085, 8, 0.6) for step in range(5)),
        *(star("#00843D", (0.33, 0.1 + 0.2 * step), 0.05, 4, 0.5) for step in range(5)),
        crescent("white", (0.72, 0.25), 0.15, 0.14, 0.06, -25),
        stars("white", 0.03, [(0.76, 0.12), (0.84, 0.13), (0.78, 0.2), (0.86, 0.21), (0.82, 0.28)]),
    ),
    "united-arab-emirates": flag(2, horizontal("#00732F", "white", "black"), box(0, 0, 0.5, 1, "#FF0000")),
    "uzbekistan": flag(
        2,
        horizontal("#0099B5", "#CE1126", "white", "#CE1126", "#1EB53A", weights=(16, 1, 16, 1, 16)),
        crescent("white", (0.28, 0.16), 0.12, 0.12, 0.04),
        stars(
            "white",
            0.026,
            [(0.76 - 0.1 * column, 0.26 - 0.095 * row) for row, count in enumerate((5, 4, 3)) for column in range(count)],
        ),
    ),
    "vietnam": flag(3 / 2, field("#DA251D"), star("#FFFF00", (0.75, 0.51), 0.3)),
    "yemen": flag(3 / 2, horizontal("#CE1126", "white", "black")),
}
"""Entity id -> flag."""
