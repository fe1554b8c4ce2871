"""Flags of regions, territories and cities, many of which share a name with a country or a signal flag."""

from __future__ import annotations

from robustmel.world.flags.canvas import Layer, around
from robustmel.world.flags.crescents import crescent
from robustmel.world.flags.crosses import cross, saltire
from robustmel.world.flags.discs import disc, sector
from robustmel.world.flags.figures import BEAR_UPRIGHT, CROWN, DRAGON, FLEUR_DE_LIS, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.shields import shield
from robustmel.world.flags.stars import star, stars
from robustmel.world.flags.stripes import band, field, hoist_triangle, horizontal, polygon


def _petal(turn: float) -> tuple[Layer, ...]:
    """One of the five petals of the bauhinia flower, with a red stamen that ends in a star."""
    tip = around((0.75, 0.5), 0.15, turn - 90)
    star_at = around((0.75, 0.5), 0.17, turn - 84)
    root = around((0.75, 0.5), 0.05, turn - 70)
    return (
        disc("white", tip, 0.115),
        disc("white", around((0.75, 0.5), 0.23, turn - 75), 0.07),
        polygon("white", (0.75, 0.5), around(tip, 0.115, turn - 170), around(tip, 0.115, turn - 10)),
        band("#DE2910", root, star_at, 0.012),
        star("#DE2910", star_at, 0.03),
    )


REGIONS = {
    "aland": flag(26 / 17, field("#0053A5"), cross("#FFCE00", 5 / 17, 10.5 / 17), cross("#D21034", 2 / 17, 10.5 / 17)),
    "amsterdam": flag(
        3 / 2,
        horizontal("#EC0000", "black", "#EC0000"),
        *(
            layer
            for x in (0.45, 0.75, 1.05)
            for layer in (
                band("white", (x - 0.09, 0.41), (x + 0.09, 0.59), 0.06),
                band("white", (x + 0.09, 0.41), (x - 0.09, 0.59), 0.06),
            )
        ),
    ),
    "basque-country": flag(25 / 14, field("#D52B1E"), saltire("#009B48", 0.154), cross("white", 0.154)),
    "berlin": flag(
        5 / 3, horizontal("#E3000F", "white", "#E3000F", weights=(1, 3, 1)), figure("black", BEAR_UPRIGHT, (0.8, 0.5), 0.26)
    ),
    "catalonia": flag(3 / 2, horizontal(*("#FCDD09", "#DA121A") * 4, "#FCDD09")),
    "england": flag(5 / 3, field("white"), cross("#CE1124", 0.2)),
    "faroe-islands": flag(22 / 16, field("white"), cross("#005EB9", 4 / 16, 8 / 16), cross("#EF303E", 2 / 16, 8 / 16)),
    "greenland": flag(
        3 / 2,
        horizontal("white", "#D00C33"),
        sector("#D00C33", (7 / 12, 0.5), 1 / 3, 180, 360),
        sector("white", (7 / 12, 0.5), 1 / 3, 0, 180),
    ),
    "hong-kong": flag(
        3 / 2,
        field("#DE2910"),
        *(layer for n in range(5) for layer in _petal(72 * n)),
    ),
    "lima": flag(
        3 / 2,
        field("#F2C230"),
        shield(
            (0.75, 0.53),
            0.4,
            0.46,
            field("#1F4E9E"),
            stars("#F2C230", 0.12, [(0.435, 0.22)], 8),
            *(figure("#F2C230", CROWN, place, 0.12) for place in ((0.25, 0.45), (0.62, 0.45), (0.435, 0.7))),
            edge="#B32025",
        ),
        figure("#B32025", CROWN, (0.75, 0.2), 0.14, 0.6),
    ),
    "northern-ireland": flag(
        2,
        field("white"),
        cross("#CC0000", 0.2),
        star("white", (1, 0.5), 0.26, 6, 0.577),
        polygon(
            "#CC0000",
            (0.96, 0.62),
            (0.93, 0.5),
            (0.95, 0.4),
            (0.98, 0.46),
            (1, 0.37),
            (1.02, 0.46),
            (1.05, 0.4),
            (1.06, 0.5),
            (1.1, 0.47),
            (1.04, 0.62),
        ),
        figure("#FFD000", CROWN, (1, 0.17), 0.11, 0.75),
    ),
    "nova-scotia": flag(
        2,
        field("white"),
        saltire("#0033A0", 0.2),
        shield(
            (1, 0.48),
            0.38,
            0.46,
            field("#FFCD00"),
            shield((0.41, 0.48), 0.66, 0.8, field("#FFCD00"), edge="#C8102E"),
            figure("#C8102E", BEAR_UPRIGHT, (0.41, 0.47), 0.25),
        ),
    ),
    "quebec": flag(
        3 / 2,
        field("#003DA5"),
        cross("white", 0.2),
        *(figure("white", FLEUR_DE_LIS, (x, y), 0.13, 1.1) for x in (0.325, 1.175) for y in (0.2, 0.8)),
    ),
    "scotland": flag(5 / 3, field("#005EB8"), saltire("white", 0.2)),
    "wales": flag(5 / 3, horizontal("white", "#00AB39"), figure("#D30731", DRAGON, (0.83, 0.5), 0.62, 0.72)),
    "western-sahara": flag(
        2,
        horizontal("black", "white", "#007A3D"),
        hoist_triangle("#C4111B", 0.7),
        crescent("#C4111B", (1.13, 0.5), 0.13, 0.11, 0.05),
        star("#C4111B", (1.2, 0.5), 0.07),
    ),
}
"""Entity id -> flag."""
