"""National flags of Oceania."""

from __future__ import annotations

from robustmel.world.flags.cantons import canton
from robustmel.world.flags.canvas import arc
from robustmel.world.flags.crosses import couped_cross, union_flag
from robustmel.world.flags.discs import disc, sun
from robustmel.world.flags.figures import BIRD_OF_PARADISE, SPREAD_BIRD, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.shields import shield
from robustmel.world.flags.stars import outlined_star, star, stars
from robustmel.world.flags.stripes import band, box, field, hoist_triangle, horizontal, polygon

AUSTRALIAN_STARS = ((1.5, 0.833), (1.25, 0.44), (1.5, 0.167), (1.722, 0.37))

OCEANIA = {
    "australia": flag(
        2,
        field("navy"),
        canton(1, 0.5, union_flag()),
        star("white", (0.5, 0.75), 0.15, 7, 0.45),
        stars("white", 0.072, AUSTRALIAN_STARS, 7, 0.45),
        star("white", (1.6, 0.542), 0.042),
    ),
    "fiji": flag(
        2,
        field("#62B5E5"),
        canton(1, 0.5, union_flag()),
        shield(
            (1.5, 0.5),
            0.36,
            0.48,
            field("white"),
            box(0, 0, 0.75, 0.28, "#D21034"),
            box(0.15, 0.1, 0.6, 0.18, "#FCD116"),
            box(0.33, 0.28, 0.42, 1, "#D21034"),
            box(0, 0.56, 0.75, 0.64, "#D21034"),
            box(0.1, 0.36, 0.24, 0.5, "#5BA53A"),
            box(0.5, 0.36, 0.64, 0.5, "#5BA53A"),
            box(0.14, 0.68, 0.26, 0.8, "#8CB8D8"),
            box(0.5, 0.68, 0.62, 0.8, "#E0A800"),
            edge="#E8E0D0",
        ),
    ),
    "kiribati": flag(
        2,
        field("#CE1126"),
        sun("#FCD116", (1, 0.52), 0.26, 17, 0.6, 0.68),
        figure("#FCD116", SPREAD_BIRD, (1, 0.16), 0.36, 0.35),
        box(0, 0.52, 2, 1, "#003F87"),
        *(
            polygon(
                "white",
                *((x, y + 0.02 * up) for x, up in ((0.25 * n, n % 2) for n in range(9))),
                *((x, y + 0.05 + 0.02 * up) for x, up in ((0.25 * n, n % 2) for n in range(8, -1, -1))),
            )
            for y in (0.55, 0.7, 0.85)
        ),
    ),
    "marshall-islands": flag(
        19 / 10,
        field("#003893"),
        polygon("#DD7500", (0, 1), (1.9, 0.06), (1.9, 0.22)),
        polygon("white", (0, 1), (1.9, 0.22), (1.9, 0.4)),
        star("white", (0.38, 0.3), 0.2, 24, 0.6),
        star("white", (0.38, 0.3), 0.27, 4, 0.15),
    ),
    "micronesia": flag(
        19 / 10,
        field("#75B2DD"),
        *(
            star("white", place, 0.11, turn=turn)
            for place, turn in (((0.95, 0.2), 0), ((1.25, 0.5), 90), ((0.95, 0.8), 180), ((0.65, 0.5), 270))
        ),
    ),
    "nauru": flag(2, field("#002B7F"), box(0, 0.4583, 2, 0.5417, "#FFC61E"), star("white", (0.5, 0.75), 0.18, 12, 0.55)),
    "new-zealand": flag(
        2,
        field("#00247D"),
        canton(1, 0.5, union_flag("#00247D")),
        *(
            outlined_star("#CC142B", "white", place, radius, 0.014)
            for place, radius in (((1.5, 0.2), 0.055), ((1.27, 0.42), 0.055), ((1.72, 0.37), 0.05), ((1.5, 0.8), 0.065))
        ),
    ),
    "palau": flag(8 / 5, field("#4AADD6"), disc("#FFDE00", (0.7, 0.5), 0.3)),
    "papua-new-guinea": flag(
        4 / 3,
        field("black"),
        polygon("#CE1126", (0, 0), (4 / 3, 0), (4 / 3, 1)),
        figure("#FCD116", BIRD_OF_PARADISE, (0.87, 0.3), 0.24),
        stars("white", 0.065, [(0.34, 0.52), (0.18, 0.67), (0.5, 0.67), (0.34, 0.88)]),
        star("white", (0.42, 0.77), 0.032),
    ),
    "samoa": flag(
        2,
        field("#CE1126"),
        box(0, 0, 1, 0.5, "#002B7F"),
        stars("white", 0.055, [(0.5, 0.07), (0.35, 0.21), (0.64, 0.18), (0.5, 0.4)]),
        star("white", (0.57, 0.3), 0.035),
    ),
    "solomon-islands": flag(
        2,
        field("#215B33"),
        polygon("#0051BA", (0, 0), (2, 0), (0, 1)),
        band("#FCD116", (-0.2, 1.1), (2.2, -0.1), 0.07),
        stars("white", 0.075, [(0.15, 0.13), (0.5, 0.13), (0.15, 0.46), (0.5, 0.46), (0.325, 0.295)]),
    ),
    "tonga": flag(2, field("#C10000"), box(0, 0, 0.83, 0.5, "white"), couped_cross("#C10000", (0.415, 0.25), 0.36, 0.11)),
    "tuvalu": flag(
        2,
        field("#5B97B1"),
        canton(1, 0.5, union_flag()),
        stars(
            "#FFCE00",
            0.065,
            [
                (1.07, 0.87),
                (1.3, 0.83),
                (1.3, 0.65),
                (1.5, 0.55),
                (1.62, 0.72),
                (1.7, 0.42),
                (1.84, 0.5),
                (1.84, 0.28),
                (1.93, 0.12),
            ],
        ),
    ),
    "vanuatu": flag(
        5 / 3,
        horizontal("#D21034", "#009543"),
        polygon("black", (0, 0), (0.2, 0), (0.87, 0.39), (5 / 3, 0.39), (5 / 3, 0.61), (0.87, 0.61), (0.2, 1), (0, 1)),
        polygon(
            "#FDCE12", (0, 0.03), (0.1, 0.05), (0.86, 0.47), (5 / 3, 0.47), (5 / 3, 0.53), (0.86, 0.53), (0.1, 0.95), (0, 0.97)
        ),
        hoist_triangle("black", 0.74, 0.07),
        polygon("#FDCE12", *arc((0.24, 0.5), 0.13, 0, 330), *arc((0.26, 0.5), 0.09, 330, 0)),
        band("#FDCE12", (0.19, 0.57), (0.31, 0.43), 0.025),
        band("#FDCE12", (0.31, 0.57), (0.19, 0.43), 0.025),
    ),
}
"""Entity id -> flag."""
