"""National flags of Africa."""

from __future__ import annotations

from robustmel.world.flags.crescents import crescent
from robustmel.world.flags.discs import disc, oval, ring, sun
from robustmel.world.flags.figures import CRANE, EAGLE, FIST_BIRD, HAT, MACHETE, POINTED_OVAL, TREE, figure
from robustmel.world.flags.flag import flag
from robustmel.world.flags.shields import shield
from robustmel.world.flags.stars import interlaced_star, ring_of_stars, star, stars
from robustmel.world.flags.stripes import band, box, field, hoist_triangle, horizontal, polygon, vertical

AFRICA = {
    "algeria": flag(
        3 / 2,
        vertical("#006233", "white"),
        crescent("#D21034", (0.75, 0.5), 0.25, 0.2, 0.08),
        star("#D21034", (0.84, 0.5), 0.13, turn=-18),
    ),
    "angola": flag(
        3 / 2,
        horizontal("#CC092F", "black"),
        ring("#FFCB00", (0.74, 0.5), 0.2, 0.05, -75, 75),
        figure("#FFCB00", MACHETE, (0.76, 0.6), 0.17, 0.9),
        star("#FFCB00", (0.7, 0.4), 0.065),
    ),
    "benin": flag(3 / 2, horizontal("#FCD116", "#E8112D"), box(0, 0, 0.6, 1, "#008751")),
    "botswana": flag(3 / 2, horizontal("#75AADB", "white", "black", "white", "#75AADB", weights=(9, 1, 4, 1, 9))),
    "burkina-faso": flag(3 / 2, horizontal("#EF2B2D", "#009E49"), star("#FCD116", (0.75, 0.5), 0.17)),
    "burundi": flag(
        5 / 3,
        field("#CE1126"),
        polygon("#1EB53A", (0, 0), (5 / 6, 0.5), (0, 1)),
        polygon("#1EB53A", (5 / 3, 0), (5 / 6, 0.5), (5 / 3, 1)),
        band("white", (-0.1, -0.06), (1.767, 1.06), 0.14),
        band("white", (-0.1, 1.06), (1.767, -0.06), 0.14),
        disc("white", (5 / 6, 0.5), 0.29),
        *(star("#1EB53A", place, 0.098, 6, 0.577) for place in ((0.833, 0.37), (0.72, 0.58), (0.946, 0.58))),
        *(star("#CE1126", place, 0.08, 6, 0.577) for place in ((0.833, 0.37), (0.72, 0.58), (0.946, 0.58))),
    ),
    "cameroon": flag(3 / 2, vertical("#007A5E", "#CE1126", "#FCD116"), star("#FCD116", (0.75, 0.5), 0.165)),
    "cape-verde": flag(
        17 / 10,
        horizontal("#003893", "white", "#CF2027", "white", "#003893", weights=(6, 1, 1, 1, 3)),
        ring_of_stars("#F7D116", (0.6375, 0.625), 0.23, 10, 0.055),
    ),
    "central-african-republic": flag(
        3 / 2,
        horizontal("#003082", "white", "#289728", "#FFCE00"),
        box(0.6, 0, 0.9, 1, "#D21034"),
        star("#FFCE00", (0.28, 0.125), 0.11),
    ),
    "chad": flag(3 / 2, vertical("#002664", "#FECB00", "#C60C30")),
    "comoros": flag(
        5 / 3,
        horizontal("#FFC61E", "white", "#CE1126", "#3A75C4"),
        hoist_triangle("#3D8E33", 0.83),
        crescent("white", (0.26, 0.5), 0.19, 0.165, 0.06),
        stars("white", 0.042, [(0.34, 0.37), (0.34, 0.455), (0.34, 0.545), (0.34, 0.63)]),
    ),
    "congo-democratic-republic": flag(
        4 / 3,
        field("#007FFF"),
        band("#F7D618", (-0.1, 1.075), (1.433, -0.075), 0.3),
        band("#CE1021", (-0.1, 1.075), (1.433, -0.075), 0.21),
        star("#F7D618", (0.24, 0.25), 0.19),
    ),
    "congo-republic": flag(
        3 / 2, field("#FBDE4A"), polygon("#009543", (0, 0), (1, 0), (0, 1)), polygon("#DC241F", (1.5, 0), (1.5, 1), (0.5, 1))
    ),
    "djibouti": flag(
        3 / 2, horizontal("#6AB2E7", "#12AD2B"), hoist_triangle("white", 0.866), star("#D7141A", (0.29, 0.5), 0.14)
    ),
    "egypt": flag(
        3 / 2,
        horizontal("#CE1126", "white", "black"),
        figure("#C09300", EAGLE, (0.75, 0.5), 0.12, 1.2),
        shield((0.75, 0.51), 0.07, 0.1, vertical("#CE1126", "white", "black")),
    ),
    "equatorial-guinea": flag(
        3 / 2,
        horizontal("#3E9A00", "white", "#E32118"),
        hoist_triangle("#0073CE", 0.375),
        shield((0.75, 0.52), 0.15, 0.15, field("#D9D9D9"), figure("#3E9A00", TREE, (0.5, 0.5), 0.4), edge="#8A8D8F"),
        stars("#FFD700", 0.018, [(0.66 + 0.036 * step, 0.405 - 0.012 * (2.5 - abs(step - 2.5))) for step in range(6)], 6),
    ),
    "eritrea": flag(
        2,
        horizontal("#43B02A", "#418FDE"),
        polygon("#EA0437", (0, 0), (2, 0.5), (0, 1)),
        ring("#FFC72C", (0.55, 0.5), 0.24, 0.055),
        figure("#FFC72C", TREE, (0.55, 0.5), 0.1, 1.9),
    ),
    "ethiopia": flag(
        2,
        horizontal("#078930", "#FCDD09", "#DA121A"),
        disc("#0F47AF", (1, 0.5), 0.29),
        interlaced_star("#FCDD09", (1, 0.5), 0.2, 0.022),
        *(
            band("#FCDD09", (1 + 0.24 * dx, 0.5 + 0.24 * dy), (1 + 0.12 * dx, 0.5 + 0.12 * dy), 0.018)
            for dx, dy in ((0.59, -0.81), (0.95, 0.31), (0, 1), (-0.95, 0.31), (-0.59, -0.81))
        ),
    ),
    "gabon": flag(4 / 3, horizontal("#009E60", "#FCD116", "#3A75C4")),
    "gambia": flag(3 / 2, horizontal("#CE1126", "white", "#0C1C8C", "white", "#3A7728", weights=(6, 1, 4, 1, 6))),
    "ghana": flag(3 / 2, horizontal("#CE1126", "#FCD116", "#006B3F"), star("black", (0.75, 0.5), 0.175)),
    "guinea": flag(3 / 2, vertical("#CE1126", "#FCD116", "#009460")),
    "guinea-bissau": flag(
        2, horizontal("#FCD116", "#009E49"), box(0, 0, 2 / 3, 1, "#CE1126"), star("black", (1 / 3, 0.5), 0.18)
    ),
    "ivory-coast": flag(3 / 2, vertical("#F77F00", "white", "#009E60")),
    "kenya": flag(
        3 / 2,
        horizontal("black", "white", "#BB0000", "white", "#006600", weights=(6, 1, 6, 1, 6)),
        band("white", (0.52, 0.86), (0.98, 0.14), 0.02),
        band("white", (0.98, 0.86), (0.52, 0.14), 0.02),
        shield(
            (0.75, 0.5),
            0.3,
            0.66,
            field("#BB0000"),
            oval("black", (0, 0.5), 0.22, 0.75),
            oval("black", (0.4545, 0.5), 0.22, 0.75),
            oval("white", (0.227, 0.5), 0.09, 0.3),
            shape=POINTED_OVAL,
        ),
    ),
    "lesotho": flag(
        3 / 2, horizontal("#00209F", "white", "#009543", weights=(3, 4, 3)), figure("black", HAT, (0.75, 0.5), 0.17)
    ),
    "liberia": flag(
        19 / 10,
        horizontal(*("#BF0A30", "white") * 5, "#BF0A30"),
        box(0, 0, 5 / 11, 5 / 11, "#002868"),
        star("white", (2.5 / 11, 2.5 / 11), 0.16),
    ),
    "libya": flag(
        2,
        horizontal("#E70013", "black", "#239E46", weights=(1, 2, 1)),
        crescent("white", (0.97, 0.5), 0.125, 0.105, 0.035),
        star("white", (1.09, 0.5), 0.065, turn=-18),
    ),
    "madagascar": flag(3 / 2, horizontal("#FC3D32", "#007E3A"), box(0, 0, 0.5, 1, "white")),
    "malawi": flag(
        3 / 2,
        horizontal("black", "#CE1126", "#339E35"),
        sun("#CE1126", (0.75, 1 / 3), 0.27, 31, 0.52, 0.62),
        box(0, 1 / 3, 1.5, 2 / 3, "#CE1126"),
    ),
    "mali": flag(3 / 2, vertical("#14B53A", "#FCD116", "#CE1126")),
    "mauritania": flag(
        3 / 2,
        horizontal("#D01C1F", "#00A95C", "#D01C1F", weights=(1, 3, 1)),
        crescent("#FFD700", (0.75, 0.42), 0.27, 0.265, 0.085, -90),
        star("#FFD700", (0.75, 0.38), 0.09),
    ),
    "mauritius": flag(3 / 2, horizontal("#EA2839", "#1A206D", "#FFD500", "#00A551")),
    "morocco": flag(3 / 2, field("#C1272D"), interlaced_star("#006233", (0.75, 0.51), 0.24, 0.035)),
    "mozambique": flag(
        3 / 2,
        horizontal("#007168", "white", "black", "white", "#FCE100", weights=(6, 1, 6, 1, 6)),
        hoist_triangle("#D21034", 0.72),
        star("#FCE100", (0.26, 0.5), 0.2),
        box(0.18, 0.49, 0.34, 0.58, "white"),
        band("black", (0.16, 0.6), (0.37, 0.4), 0.03),
        band("black", (0.36, 0.6), (0.18, 0.42), 0.02),
    ),
    "namibia": flag(
        3 / 2,
        field("#009543"),
        polygon("#003580", (0, 0), (1.5, 0), (0, 1)),
        band("white", (-0.15, 1.1), (1.65, -0.1), 0.36),
        band("#D21034", (-0.15, 1.1), (1.65, -0.1), 0.28),
        sun("#FFCE00", (0.3, 0.27), 0.19, 12, 0.5, 0.62),
        ring("#003580", (0.3, 0.27), 0.118, 0.016),
    ),
    "niger": flag(7 / 6, horizontal("#E05206", "white", "#0DB02B"), disc("#E05206", (7 / 12, 0.5), 0.14)),
    "nigeria": flag(2, vertical("#008751", "white", "#008751")),
    "rwanda": flag(
        3 / 2, horizontal("#00A1DE", "#FAD201", "#20603D", weights=(2, 1, 1)), sun("#FAD201", (1.24, 0.25), 0.19, 24, 0.5, 0.62)
    ),
    "sao-tome-and-principe": flag(
        2,
        horizontal("#12AD2B", "#FFCE00", "#12AD2B", weights=(2, 3, 2)),
        hoist_triangle("#D21034", 0.5),
        stars("black", 0.14, [(0.97, 0.51), (1.5, 0.51)]),
    ),
    "senegal": flag(3 / 2, vertical("#00853F", "#FDEF42", "#E31B23"), star("#00853F", (0.75, 0.51), 0.17)),
    "seychelles": flag(
        2,
        field("#007A3D"),
        polygon("white", (0, 1), (2, 1 / 3), (2, 2 / 3)),
        polygon("#FCD955", (0, 1), (2 / 3, 0), (4 / 3, 0)),
        polygon("#D62828", (0, 1), (4 / 3, 0), (2, 0), (2, 1 / 3)),
        polygon("#003D88", (0, 1), (0, 0), (2 / 3, 0)),
    ),
    "sierra-leone": flag(3 / 2, horizontal("#1EB53A", "white", "#0072C6")),
    "somalia": flag(3 / 2, field("#4189DD"), star("white", (0.75, 0.5), 0.27)),
    "south-africa": flag(
        3 / 2,
        horizontal("#E03C31", "#001489"),
        box(0.5, 1 / 3, 1.5, 2 / 3, "white"),
        band("white", (-0.3, -0.3), (0.5, 0.5), 1 / 3),
        band("white", (-0.3, 1.3), (0.5, 0.5), 1 / 3),
        box(0.5, 0.4, 1.5, 0.6, "#007749"),
        polygon("#FFB81C", (-0.1, 0.12), (0.42, 0.5), (-0.1, 0.88)),
        band("#007749", (-0.3, -0.3), (0.55, 0.55), 0.2),
        band("#007749", (-0.3, 1.3), (0.55, 0.45), 0.2),
        polygon("#FFB81C", (0, 0.14), (0.37, 0.5), (0, 0.86)),
        polygon("black", (0, 0.22), (0.3, 0.5), (0, 0.78)),
    ),
    "south-sudan": flag(
        2,
        horizontal("black", "white", "#DA121A", "white", "#078930", weights=(6, 1, 6, 1, 6)),
        hoist_triangle("#0F47AF", 0.866),
        star("#FCDD09", (0.29, 0.5), 0.18, turn=-18),
    ),
    "sudan": flag(2, horizontal("#D21034", "white", "black"), hoist_triangle("#007229", 2 / 3)),
    "tanzania": flag(
        3 / 2,
        field("#00A3DD"),
        polygon("#1EB53A", (0, 0), (1.5, 0), (0, 1)),
        band("#FCD116", (-0.15, 1.1), (1.65, -0.1), 0.36),
        band("black", (-0.15, 1.1), (1.65, -0.1), 0.26),
    ),
    "togo": flag(
        1.618,
        horizontal("#006A4E", "#FFCE00", "#006A4E", "#FFCE00", "#006A4E"),
        box(0, 0, 0.6, 0.6, "#D21034"),
        star("white", (0.3, 0.31), 0.2),
    ),
    "tunisia": flag(
        3 / 2,
        field("#E70013"),
        disc("white", (0.75, 0.5), 0.25),
        crescent("#E70013", (0.76, 0.5), 0.188, 0.15, 0.05),
        star("#E70013", (0.81, 0.5), 0.105, turn=-18),
    ),
    "uganda": flag(
        3 / 2,
        horizontal(*("black", "#FCDC04", "#D90000") * 2),
        disc("white", (0.75, 0.5), 0.17),
        figure("#6F6F6F", CRANE, (0.75, 0.5), 0.13),
        disc("#D90000", (0.71, 0.38), 0.018),
    ),
    "zambia": flag(
        3 / 2,
        field("#198A00"),
        box(1, 0.36, 1.5, 1, "#EF7D00"),
        box(1, 0.36, 1.167, 1, "#DE2010"),
        box(1.167, 0.36, 1.333, 1, "black"),
        figure("#EF7D00", FIST_BIRD, (1.25, 0.18), 0.2, 0.6),
    ),
    "zimbabwe": flag(
        2,
        horizontal("#319208", "#FFD200", "#DE2010", "black", "#DE2010", "#FFD200", "#319208"),
        hoist_triangle("black", 0.9, 0.0),
        polygon("white", (0, 0.035), (0.84, 0.5), (0, 0.965)),
        star("#DE2010", (0.28, 0.5), 0.22),
        figure("#FFD200", CRANE, (0.28, 0.5), 0.13),
    ),
}
"""Entity id -> flag."""
