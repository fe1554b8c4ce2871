"""National flags of the Americas."""

from __future__ import annotations

from robustmel.world.flags.cantons import canton, inset
from robustmel.world.flags.crosses import cross
from robustmel.world.flags.discs import disc, oval, ring, sun
from robustmel.world.flags.figures import EAGLE, MAPLE_LEAF, MOUNTAINS, PALM, PARROT, SPREAD_BIRD, TRIDENT, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.shields import shield, wreath
from robustmel.world.flags.stars import ring_of_stars, star, stars
from robustmel.world.flags.stripes import band, box, field, hoist_triangle, horizontal, polygon, vertical

AMERICAS = {
    "antigua-and-barbuda": flag(
        3 / 2,
        field("black"),
        sun("#FCD116", (0.75, 0.4), 0.26, 16, 0.5, 0.62),
        box(0, 0.4, 1.5, 0.6, "#0072C6"),
        polygon("white", (0, 0.6), (1.5, 0.6), (0.75, 1)),
        polygon("#CE1126", (0, 0), (0.75, 1), (0, 1)),
        polygon("#CE1126", (1.5, 0), (0.75, 1), (1.5, 1)),
    ),
    "argentina": flag(
        8 / 5,
        horizontal("#6CACE4", "white", "#6CACE4"),
        sun("#FFB81C", (0.8, 0.5), 0.15, 32, 0.5, 0.6),
        ring("#B5812A", (0.8, 0.5), 0.078, 0.01),
    ),
    "bahamas": flag(2, horizontal("#00778B", "#FFC72C", "#00778B"), hoist_triangle("black", 0.866)),
    "barbados": flag(3 / 2, vertical("#00267F", "#FFC726", "#00267F"), figure("black", TRIDENT, (0.75, 0.52), 0.19, 1.4)),
    "belize": flag(
        5 / 3,
        horizontal("#D90F19", "#171696", "#D90F19", weights=(1, 8, 1)),
        disc("white", (0.833, 0.5), 0.33),
        wreath("#6AB023", (0.833, 0.5), 0.29, 12, 0.17, 165),
        shield((0.833, 0.52), 0.22, 0.3, vertical("white", "#FFD83C"), figure("#5FA8D3", MOUNTAINS, (0.37, 0.8), 0.4)),
        figure("#2F8F2F", PALM, (0.833, 0.32), 0.09),
        box(0.68, 0.46, 0.72, 0.68, "#A66A2C"),
        box(0.946, 0.46, 0.986, 0.68, "#5A3214"),
    ),
    "bolivia": flag(22 / 15, horizontal("#DA291C", "#F4E400", "#007A33")),
    "brazil": flag(
        10 / 7,
        field("#009739"),
        polygon("#FEDD00", (0.121, 0.5), (0.714, 0.121), (1.307, 0.5), (0.714, 0.879)),
        disc("#012169", (0.714, 0.5), 0.25),
        band("white", (0.47, 0.455), (0.714, 0.47), 0.045),
        band("white", (0.7, 0.468), (0.86, 0.53), 0.045),
        band("white", (0.85, 0.525), (0.945, 0.595), 0.045),
        stars(
            "white",
            0.018,
            [
                (0.56, 0.55),
                (0.62, 0.6),
                (0.68, 0.55),
                (0.72, 0.63),
                (0.79, 0.64),
                (0.71, 0.7),
                (0.62, 0.68),
                (0.83, 0.58),
                (0.78, 0.42),
            ],
        ),
    ),
    "canada": flag(2, vertical("#D80621", "white", "#D80621", weights=(1, 2, 1)), figure("#D80621", MAPLE_LEAF, (1, 0.5), 0.4)),
    "chile": flag(3 / 2, horizontal("white", "#DA291C"), box(0, 0, 0.5, 0.5, "#0032A0"), star("white", (0.25, 0.25), 0.125)),
    "colombia": flag(3 / 2, horizontal("#FFCD00", "#003087", "#C8102E", weights=(2, 1, 1))),
    "costa-rica": flag(5 / 3, horizontal("#00205B", "white", "#DA291C", "white", "#00205B", weights=(1, 1, 2, 1, 1))),
    "cuba": flag(
        2,
        horizontal("#002590", "white", "#002590", "white", "#002590"),
        hoist_triangle("#CC0D0D", 0.866),
        star("white", (0.29, 0.5), 0.167),
    ),
    "dominica": flag(
        2,
        field("#006B3F"),
        *(box(0.91 + 0.06 * n, 0, 0.97 + 0.06 * n, 1, colour) for n, colour in enumerate(("#FCD116", "black", "white"))),
        *(box(0, 0.41 + 0.06 * n, 2, 0.47 + 0.06 * n, colour) for n, colour in enumerate(("#FCD116", "black", "white"))),
        disc("#D41C30", (1, 0.5), 0.3),
        ring_of_stars("#1B8B3A", (1, 0.5), 0.24, 10, 0.04),
        figure("#138A36", PARROT, (1, 0.5), 0.16),
        disc("#6A2C8F", (1.0, 0.49), 0.05),
    ),
    "dominican-republic": flag(
        3 / 2,
        box(0, 0, 0.75, 0.5, "#002D62"),
        box(0.75, 0, 1.5, 0.5, "#CE1126"),
        box(0, 0.5, 0.75, 1, "#CE1126"),
        box(0.75, 0.5, 1.5, 1, "#002D62"),
        cross("white", 0.2),
        wreath("#2E8B3D", (0.75, 0.5), 0.075, 5, 0.3),
        shield((0.75, 0.5), 0.07, 0.08, field("#CE1126"), box(0, 0, 0.4, 0.4, "#002D62"), cross("white", 0.2)),
    ),
    "ecuador": flag(
        3 / 2,
        horizontal("#FFDD00", "#0072CE", "#EF3340", weights=(2, 1, 1)),
        oval("#7C5C2A", (0.75, 0.52), 0.3, 0.4),
        oval("#8CC8E8", (0.75, 0.52), 0.22, 0.32),
        figure("#4C8A2E", MOUNTAINS, (0.75, 0.56), 0.1),
        disc("#FFDD00", (0.75, 0.42), 0.035),
        figure("#3C2A1A", SPREAD_BIRD, (0.75, 0.3), 0.24, 0.7),
    ),
    "el-salvador": flag(
        16 / 9,
        horizontal("#0F47AF", "white", "#0F47AF"),
        wreath("#2E8B2E", (0.889, 0.5), 0.13, 9, 0.25, 150),
        polygon("#E8C33A", (0.82, 0.56), (0.958, 0.56), (0.889, 0.43)),
        polygon("#7DB9E8", (0.845, 0.55), (0.933, 0.55), (0.889, 0.46)),
    ),
    "grenada": flag(
        5 / 3,
        field("#CE1126"),
        inset(
            0.13,
            0.13,
            1.407,
            0.74,
            polygon("#FCD116", (0, 0), (1.901, 0), (0, 1), (1.901, 1)),
            polygon("#007A5E", (0, 0), (0.95, 0.5), (0, 1)),
            polygon("#007A5E", (1.901, 0), (0.95, 0.5), (1.901, 1)),
        ),
        disc("#CE1126", (0.833, 0.5), 0.12),
        star("#FCD116", (0.833, 0.5), 0.11),
        stars("#FCD116", 0.05, [(x, y) for y in (0.065, 0.935) for x in (0.3, 0.833, 1.367)]),
        oval("#FCD116", (0.33, 0.5), 0.11, 0.17),
        oval("#CE1126", (0.33, 0.5), 0.05, 0.1),
    ),
    "guatemala": flag(
        8 / 5,
        vertical("#4997D0", "white", "#4997D0"),
        wreath("#4E9A3E", (0.8, 0.52), 0.15, 8, 0.25),
        box(0.73, 0.46, 0.87, 0.6, "#F4EBC3"),
        band("#8A6A3A", (0.7, 0.64), (0.9, 0.44), 0.015),
        band("#8A6A3A", (0.9, 0.64), (0.7, 0.44), 0.015),
        figure("#2B8A3E", PARROT, (0.8, 0.42), 0.07, 1.2),
    ),
    "guyana": flag(
        5 / 3,
        field("#009739"),
        polygon("white", (0, 0), (5 / 3, 0.5), (0, 1)),
        polygon("#FFD100", (0, 0.035), (1.56, 0.5), (0, 0.965)),
        polygon("black", (0, 0), (0.84, 0.5), (0, 1)),
        polygon("#D50032", (0, 0.055), (0.74, 0.5), (0, 0.945)),
    ),
    "haiti": flag(
        5 / 3,
        horizontal("#00209F", "#D21034"),
        box(0.64, 0.34, 1.03, 0.66, "white"),
        figure("#016A16", PALM, (0.833, 0.47), 0.09, 1.1),
        box(0.71, 0.58, 0.957, 0.62, "#016A16"),
        band("#00209F", (0.72, 0.55), (0.78, 0.45), 0.02),
        band("#D21034", (0.946, 0.55), (0.886, 0.45), 0.02),
        ring("#C9A227", (0.833, 0.58), 0.03, 0.015),
    ),
    "honduras": flag(
        2,
        horizontal("#18C3DF", "white", "#18C3DF"),
        stars("#18C3DF", 0.065, [(1, 0.5), (0.83, 0.42), (1.17, 0.42), (0.83, 0.59), (1.17, 0.59)]),
    ),
    "jamaica": flag(
        2,
        field("black"),
        polygon("#009B3A", (0, 0), (2, 0), (1, 0.5)),
        polygon("#009B3A", (0, 1), (2, 1), (1, 0.5)),
        band("#FED100", (-0.2, -0.1), (2.2, 1.1), 0.167),
        band("#FED100", (-0.2, 1.1), (2.2, -0.1), 0.167),
    ),
    "mexico": flag(
        7 / 4,
        vertical("#006341", "white", "#CE1126"),
        wreath("#3F8F4A", (0.875, 0.5), 0.22, 8, 0.2, 80),
        figure("#8C5A2B", EAGLE, (0.875, 0.47), 0.18, 0.95),
        box(0.8, 0.62, 0.95, 0.65, "#30A0B0"),
    ),
    "nicaragua": flag(
        5 / 3,
        horizontal("#0067C6", "white", "#0067C6"),
        ring("#C8A400", (0.833, 0.5), 0.145, 0.014),
        polygon("#C8A400", (0.72, 0.56), (0.947, 0.56), (0.833, 0.37)),
        polygon("#BFE3F2", (0.745, 0.548), (0.922, 0.548), (0.833, 0.4)),
        figure("#3E9A3E", MOUNTAINS, (0.833, 0.535), 0.06, 0.4),
    ),
    "panama": flag(
        3 / 2,
        field("white"),
        box(0.75, 0, 1.5, 0.5, "#D21034"),
        box(0, 0.5, 0.75, 1, "#072357"),
        star("#072357", (0.375, 0.25), 0.12),
        star("#D21034", (1.125, 0.75), 0.12),
    ),
    "paraguay": flag(
        20 / 11,
        horizontal("#D52B1E", "white", "#0038A8"),
        ring("#4A4A4A", (0.909, 0.5), 0.115, 0.01),
        wreath("#2F8F3F", (0.909, 0.5), 0.075, 7, 0.28, 140),
        star("#EDC100", (0.909, 0.49), 0.04),
    ),
    "peru": flag(3 / 2, vertical("#D91023", "white", "#D91023")),
    "saint-kitts-and-nevis": flag(
        3 / 2,
        field("#CE1126"),
        polygon("#009E49", (0, 0), (1.5, 0), (0, 1)),
        band("#FCD116", (-0.15, 1.1), (1.65, -0.1), 0.44),
        band("black", (-0.15, 1.1), (1.65, -0.1), 0.34),
        stars("white", 0.13, [(0.44, 0.72), (1.06, 0.29)], turn=-30),
    ),
    "saint-lucia": flag(
        2,
        field("#66CCFF"),
        polygon("white", (0.64, 0.86), (1, 0.12), (1.36, 0.86)),
        polygon("black", (0.68, 0.86), (1, 0.2), (1.32, 0.86)),
        polygon("#FCD116", (0.64, 0.86), (1, 0.5), (1.36, 0.86)),
    ),
    "saint-vincent-and-the-grenadines": flag(
        3 / 2,
        vertical("#002674", "#FCD022", "#007C2E", weights=(1, 2, 1)),
        *(
            polygon("#007C2E", (x - 0.11, y), (x, y - 0.16), (x + 0.11, y), (x, y + 0.16))
            for x, y in ((0.62, 0.42), (0.88, 0.42), (0.75, 0.63))
        ),
    ),
    "suriname": flag(
        3 / 2,
        horizontal("#377E3F", "white", "#B40A2D", "white", "#377E3F", weights=(2, 1, 4, 1, 2)),
        star("#ECC81D", (0.75, 0.51), 0.19),
    ),
    "trinidad-and-tobago": flag(
        5 / 3,
        field("#DA1A35"),
        band("white", (0.16, -0.2), (1.507, 1.2), 0.34),
        band("black", (0.16, -0.2), (1.507, 1.2), 0.24),
    ),
    "united-states": flag(
        19 / 10,
        horizontal(*("#B31942", "white") * 6, "#B31942"),
        canton(
            0.76,
            7 / 13,
            field("#0A3161"),
            stars(
                "white",
                0.057,
                [
                    ((column + 1) * 1.4114 / 12, (row + 1) / 10)
                    for row in range(9)
                    for column in range(11)
                    if (row + column) % 2 == 0
                ],
            ),
        ),
    ),
    "uruguay": flag(
        3 / 2,
        horizontal("white", *("#0038A8", "white") * 4),
        box(0, 0, 5 / 9, 5 / 9, "white"),
        sun("#FCD116", (0.278, 0.278), 0.22, 16, 0.5, 0.55),
        ring("#B58A1A", (0.278, 0.278), 0.115, 0.012),
    ),
    "venezuela": flag(
        3 / 2,
        horizontal("#FFCC00", "#00247D", "#CF142B"),
        ring_of_stars("white", (0.75, 0.66), 0.26, 8, 0.042, -170, 160, upright=False),
    ),
}
"""Entity id -> flag."""
