"""Boxes around what a mention shows, and pictures cut out along them."""

from __future__ import annotations

import math

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels."""


def clipped(box: Box, size: tuple[int, int] | None) -> Box | None:
    """The part of a box that lies inside an image; None where that is empty or a bound is not finite.

    Args:
        box: As the files state it.
        size: Width and height of the image in pixels; None where it is not known: then only what is negative is cut off.
    """
    if not all(map(math.isfinite, box)):
        return None
    width, height = size or (math.inf, math.inf)
    left, top, right, bottom = box
    left, top, right, bottom = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    return (left, top, right, bottom) if left < right and top < bottom else None


def pixel_box(box: Box) -> tuple[int, int, int, int]:
    """The smallest box of whole pixels around a box."""
    return math.floor(box[0]), math.floor(box[1]), math.ceil(box[2]), math.ceil(box[3])
