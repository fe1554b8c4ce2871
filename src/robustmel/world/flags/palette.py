"""Colours by name; a flag with its own shade gives it as #RRGGBB."""

from __future__ import annotations

from functools import cache

from PIL import ImageColor

NAMES = {
    "white": "#FFFFFF",
    "black": "#000000",
    "red": "#CE1126",
    "scarlet": "#EF2B2D",
    "crimson": "#AE1C28",
    "blue": "#0038A8",
    "navy": "#012169",
    "sky": "#75AADB",
    "green": "#007A3D",
    "lime": "#14B53A",
    "yellow": "#FCD116",
    "gold": "#C9A227",
    "orange": "#FF7F00",
    "brown": "#7B4B22",
    "grey": "#8A8D8F",
    "signal-blue": "#005BBB",
    "signal-red": "#E4002B",
    "signal-yellow": "#FFD500",
}


@cache
def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a name in `NAMES` or a #RRGGBB string."""
    red, green, blue = ImageColor.getrgb(NAMES.get(colour, colour))[:3]
    return red, green, blue
