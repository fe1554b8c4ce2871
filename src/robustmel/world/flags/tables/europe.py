"""National flags of Europe."""

from __future__ import annotations

from robustmel.world.flags.cantons import inset
from robustmel.world.flags.crescents import crescent
from robustmel.world.flags.crosses import couped_cross, cross, flared_cross, union_flag
from robustmel.world.flags.discs import disc, oval, ring, sun
from robustmel.world.flags.figures import CROWN, CYPRUS, DOUBLE_EAGLE, EAGLE, MOUNTAINS, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.shields import shield, wreath
from robustmel.world.flags.stars import star, stars
from robustmel.world.flags.stripes import band, box, chequers, field, hoist_triangle, horizontal, polygon, vertical

EUROPE = {
    "albania": flag(7 / 5, field("#E41E20"), figure("black", DOUBLE_EAGLE, (0.7, 0.5), 0.36, 1.15)),
    "andorra": flag(
        10 / 7,
        vertical("#10069F", "#FEDD00", "#D50032", weights=(8, 9, 8)),
        shield(
            (0.714, 0.5),
            0.28,
            0.34,
            vertical("#D50032", "#FEDD00"),
            inset(0.41, 0.5, 0.41, 0.5, vertical("#FEDD00", "#D50032", "#FEDD00", "#D50032")),
            inset(0, 0.5, 0.41, 0.5, vertical("#FEDD00", "#D50032", "#FEDD00", "#D50032", "#FEDD00")),
            edge="#C7B37F",
        ),
    ),
    "armenia": flag(2, horizontal("#D90012", "#0033A0", "#F2A800")),
    "austria": flag(3 / 2, horizontal("#EF3340", "white", "#EF3340")),
    "azerbaijan": flag(
        2,
        horizontal("#0092BC", "#E4002B", "#00AF66"),
        crescent("white", (0.96, 0.5), 0.15, 0.125, 0.035),
        star("white", (1.07, 0.5), 0.085, 8, 0.55),
    ),
    "belgium": flag(15 / 13, vertical("black", "#FDDA24", "#EF3340")),
    "bosnia-and-herzegovina": flag(
        2,
        field("#002F6C"),
        polygon("#FECB00", (0.53, 0), (1.53, 0), (1.53, 1)),
        stars("white", 0.075, [(0.37 + 0.125 * step, 0.125 * step) for step in range(9)]),
    ),
    "bulgaria": flag(5 / 3, horizontal("white", "#00966E", "#D62612")),
    "croatia": flag(
        2,
        horizontal("#D80010", "white", "#171796"),
        shield((1, 0.52), 0.3, 0.38, chequers("#D80010", "white", 5, 5), edge="#D80010"),
        *(
            box(0.86 + 0.06 * n, 0.24 - 0.012 * (n % 2), 0.91 + 0.06 * n, 0.31, "#0093DD" if n % 2 == 0 else "#171796")
            for n in range(5)
        ),
    ),
    "cyprus": flag(
        3 / 2,
        field("white"),
        figure("#D57800", CYPRUS, (0.75, 0.42), 0.32, 0.75),
        wreath("#4E5B31", (0.75, 0.58), 0.22, 6, 0.28, 75),
    ),
    "czech-republic": flag(3 / 2, horizontal("white", "#D7141A"), hoist_triangle("#11457E", 0.75)),
    "denmark": flag(37 / 28, field("#C8102E"), cross("white", 4 / 28, 14 / 28)),
    "estonia": flag(11 / 7, horizontal("#0072CE", "black", "white")),
    "finland": flag(18 / 11, field("white"), cross("#002F6C", 3 / 11, 6.5 / 11)),
    "france": flag(3 / 2, vertical("#002654", "white", "#ED2939")),
    "georgia-country": flag(
        3 / 2,
        field("white"),
        cross("#FF0000", 0.2),
        *(flared_cross("#FF0000", (x, y), 0.22) for x in (0.325, 1.175) for y in (0.2, 0.8)),
    ),
    "germany": flag(5 / 3, horizontal("black", "#DD0000", "#FFCC00")),
    "greece": flag(
        3 / 2,
        horizontal("#004C98", *("white", "#004C98") * 4),
        inset(0, 0, 5 / 9, 5 / 9, field("#004C98"), cross("white", 0.2)),
    ),
    "hungary": flag(2, horizontal("#CE2939", "white", "#477050")),
    "iceland": flag(25 / 18, field("#02529C"), cross("white", 4 / 18, 9 / 18), cross("#DC1E35", 2 / 18, 9 / 18)),
    "ireland": flag(2, vertical("#169B62", "white", "#FF883E")),
    "italy": flag(3 / 2, vertical("#008C45", "#F4F9FF", "#CD212A")),
    "kosovo": flag(
        7 / 5,
        field("#244AA5"),
        polygon(
            "#D0A650", (0.7, 0.3), (0.83, 0.42), (0.9, 0.58), (0.8, 0.62), (0.7, 0.82), (0.62, 0.6), (0.48, 0.55), (0.55, 0.42)
        ),
        stars("white", 0.055, [(0.4, 0.3), (0.52, 0.25), (0.64, 0.22), (0.76, 0.22), (0.88, 0.25), (1.0, 0.3)]),
    ),
    "latvia": flag(2, horizontal("#9D2235", "white", "#9D2235", weights=(2, 1, 2))),
    "liechtenstein": flag(
        5 / 3,
        horizontal("#002B7F", "#CE1126"),
        figure("#FFD83D", CROWN, (0.42, 0.27), 0.18, 0.7),
        box(0.27, 0.33, 0.57, 0.38, "#C9A227"),
    ),
    "lithuania": flag(5 / 3, horizontal("#FDB913", "#006A44", "#C1272D")),
    "luxembourg": flag(5 / 3, horizontal("#EF3340", "white", "#00A2E1")),
    "malta": flag(
        3 / 2, vertical("white", "#CF142B"), flared_cross("#96877D", (0.2, 0.2), 0.3), flared_cross("#C9BFB8", (0.2, 0.2), 0.2)
    ),
    "moldova": flag(
        2,
        vertical("#0046AE", "#FFD200", "#CC092F"),
        figure("#7A3B12", EAGLE, (1, 0.5), 0.26, 1.1),
        shield((1, 0.52), 0.2, 0.26, horizontal("#CC092F", "#0046AE"), disc("#FFD200", (0.38, 0.5), 0.22)),
    ),
    "monaco": flag(5 / 4, horizontal("#CE1126", "white")),
    "montenegro": flag(
        2,
        field("#D4AF3A"),
        inset(0.05, 0.05, 1.9, 0.9, field("#C40308")),
        figure("#D4AF3A", DOUBLE_EAGLE, (1, 0.52), 0.3, 1.1),
        shield((1, 0.52), 0.13, 0.18, horizontal("#1D5E91", "#5EA532")),
    ),
    "netherlands": flag(3 / 2, horizontal("#AE1C28", "white", "#21468B")),
    "north-macedonia": flag(
        2,
        field("#D20000"),
        *(
            polygon("#FFE600", (1, 0.5), (x - dx, y - dy), (x + dx, y + dy))
            for x, y, dx, dy in (
                (1, 0, 0.1, 0),
                (1, 1, 0.1, 0),
                (0, 0.5, 0, 0.1),
                (2, 0.5, 0, 0.1),
                (0.1, 0, 0.14, 0),
                (1.9, 0, 0.14, 0),
                (0.1, 1, 0.14, 0),
                (1.9, 1, 0.14, 0),
            )
        ),
        disc("#D20000", (1, 0.5), 0.165),
        disc("#FFE600", (1, 0.5), 0.143),
    ),
    "norway": flag(22 / 16, field("#BA0C2F"), cross("white", 4 / 16, 8 / 16), cross("#00205B", 2 / 16, 8 / 16)),
    "poland": flag(8 / 5, horizontal("white", "#DC143C")),
    "portugal": flag(
        3 / 2,
        vertical("#046A38", "#DA291C", weights=(2, 3)),
        ring("#FFE900", (0.6, 0.5), 0.25, 0.05),
        ring("#FFE900", (0.6, 0.5), 0.17, 0.03),
        oval("#FFE900", (0.6, 0.5), 0.5, 0.1),
        shield(
            (0.6, 0.5),
            0.26,
            0.32,
            field("#DA291C"),
            inset(0.16, 0.18, 0.5, 0.56, field("white"), cross("#002D72", 0.2)),
            edge="white",
        ),
    ),
    "romania": flag(3 / 2, vertical("#002B7F", "#FCD116", "#CE1126")),
    "russia": flag(3 / 2, horizontal("white", "#0033A0", "#DA291C")),
    "san-marino": flag(
        4 / 3,
        horizontal("white", "#5EB6E4"),
        wreath("#0B7226", (0.667, 0.54), 0.24, 8),
        shield(
            (0.667, 0.54),
            0.24,
            0.28,
            horizontal("#65C7FF", "#0B7226"),
            figure("white", MOUNTAINS, (0.43, 0.55), 0.4),
            edge="#F1BF31",
        ),
        figure("#F1BF31", CROWN, (0.667, 0.3), 0.1),
    ),
    "serbia": flag(
        3 / 2,
        horizontal("#C7363D", "#0C4077", "white"),
        shield(
            (0.54, 0.53), 0.34, 0.48, field("#C7363D"), figure("white", DOUBLE_EAGLE, (0.354, 0.5), 0.3, 1.35), edge="#C7363D"
        ),
        shield((0.54, 0.55), 0.11, 0.15, field("#C7363D"), cross("white", 0.15)),
        figure("#EDB92E", CROWN, (0.54, 0.19), 0.13, 0.75),
    ),
    "slovakia": flag(
        3 / 2,
        horizontal("white", "#0B4EA2", "#EE1C25"),
        shield(
            (0.5, 0.5),
            0.42,
            0.48,
            field("#EE1C25"),
            figure("#0B4EA2", MOUNTAINS, (0.4375, 0.85), 0.35, 0.75),
            box(0.39, 0.12, 0.49, 0.75, "white"),
            box(0.27, 0.24, 0.61, 0.33, "white"),
            box(0.2, 0.42, 0.68, 0.52, "white"),
            edge="white",
        ),
    ),
    "slovenia": flag(
        2,
        horizontal("white", "#005DA4", "#ED1C24"),
        shield(
            (0.5, 0.33),
            0.24,
            0.3,
            field("#005DA4"),
            figure("white", MOUNTAINS, (0.4, 0.68), 0.34, 0.75),
            stars("#FFDD00", 0.07, [(0.4, 0.28), (0.3, 0.13), (0.5, 0.13)], 6, 0.577),
            edge="#ED1C24",
        ),
    ),
    "spain": flag(
        3 / 2,
        horizontal("#AA151B", "#F1BF00", "#AA151B", weights=(1, 2, 1)),
        box(0.29, 0.38, 0.32, 0.66, "#CCCCCC"),
        box(0.58, 0.38, 0.61, 0.66, "#CCCCCC"),
        shield(
            (0.45, 0.53),
            0.2,
            0.26,
            field("#AA151B"),
            box(0.385, 0, 0.77, 0.45, "white"),
            box(0, 0.45, 0.385, 0.9, "#F1BF00"),
            band("#AA151B", (0.1, 0.45), (0.1, 0.9), 0.08),
            band("#AA151B", (0.28, 0.45), (0.28, 0.9), 0.08),
            edge="#C9A227",
        ),
        figure("#AA151B", CROWN, (0.45, 0.34), 0.09),
    ),
    "sweden": flag(8 / 5, field("#006AA7"), cross("#FECC02", 0.2, 0.6)),
    "switzerland": flag(1, field("#DA291C"), couped_cross("white", (0.5, 0.5), 20 / 32, 6 / 32)),
    "ukraine": flag(3 / 2, horizontal("#0057B7", "#FFDD00")),
    "united-kingdom": flag(2, union_flag()),
    "vatican-city": flag(
        1,
        vertical("#FFE000", "white"),
        band("#D4AF37", (0.64, 0.66), (0.86, 0.38), 0.04),
        band("#A8A9AD", (0.86, 0.66), (0.64, 0.38), 0.04),
        figure("#C8102E", CROWN, (0.75, 0.3), 0.08, 1.3),
        sun("#D4AF37", (0.86, 0.36), 0.05, 8),
        sun("#A8A9AD", (0.64, 0.36), 0.05, 8),
    ),
}
"""Entity id -> flag."""
