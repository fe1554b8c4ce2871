"""A sheet to paint on: lengths are in flag heights, the origin is the upper hoist corner, y points down."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable
from functools import cache
from importlib.resources import files
from typing import TypeAlias

from PIL import Image, ImageColor, ImageDraw

SUPERSAMPLING = 4
"""Each pixel is the mean of this many times as many samples along both axes."""

Point: TypeAlias = tuple[float, float]

NAMED = tomllib.loads((files("robustmel.world.flags") / "names.toml").read_text("utf-8"))
"""Colours and outlines that the flags' table calls by name."""


@cache
def rgb(colour: str) -> tuple[int, int, int]:
    """Red, green and blue, 0 to 255, of a colour in `NAMED` or a #RRGGBB string."""
    red, green, blue = ImageColor.getrgb(NAMED["colours"].get(colour, colour))[:3]
    return red, green, blue


class Canvas:
    """A rectangle one unit high and `ratio` units wide.

    Args:
        samples: Rows of samples; a multiple of `SUPERSAMPLING` for a canvas that is to be reduced.
        ratio: Width over height.
    """

    def __init__(self, samples: int, ratio: float) -> None:
        self.ratio = ratio
        self.samples = samples
        self.image = Image.new("RGB", (max(1, round(samples * ratio)), samples))
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Iterable[Point], colour: str) -> None:
        """Fills a polygon."""
        self._draw.polygon([(x * self.samples, y * self.samples) for x, y in points], fill=rgb(colour))

    def rectangle(self, left: float, top: float, right: float, bottom: float, colour: str) -> None:
        """Fills a rectangle; neighbours that share an edge neither overlap nor leave a gap."""
        x0, y0, x1, y1 = (round(value * self.samples) for value in (left, top, right, bottom))
        if x1 > x0 and y1 > y0:
            self._draw.rectangle((x0, y0, x1 - 1, y1 - 1), fill=rgb(colour))

    def disc(self, at: Point, radius: float, colour: str) -> None:
        """Fills a disc."""
        self.polygon(arc(at, radius), colour)

    def band(self, start: Point, end: Point, width: float, colour: str) -> None:
        """Fills the straight band of a width around a segment."""
        length = math.dist(start, end)
        dx, dy = (end[1] - start[1]) / length * width / 2, (start[0] - end[0]) / length * width / 2
        corners = [(start[0] + dx, start[1] + dy), (end[0] + dx, end[1] + dy), (end[0] - dx, end[1] - dy)]
        self.polygon([*corners, (start[0] - dx, start[1] - dy)], colour)

    def paste(self, other: Canvas, left: float, top: float, shape: Iterable[Point] | None = None) -> None:
        """Puts a finished canvas on this one; of a `shape` (in heights of the other canvas), only the inside."""
        mask = None
        if shape is not None:
            mask = Image.new("L", other.image.size)
            ImageDraw.Draw(mask).polygon([(x * other.samples, y * other.samples) for x, y in shape], fill=255)
        self.image.paste(other.image, (round(left * self.samples), round(top * self.samples)), mask)


Layer: TypeAlias = Callable[[Canvas], None]
"""Something that paints itself onto a canvas."""


def arc(at: Point, radius: float, start: float = 0.0, end: float = 360.0, squeeze: float = 1.0) -> list[Point]:
    """Points along an arc.

    Args:
        at: Centre.
        radius: Horizontal radius.
        start: First angle in degrees; 0 points to the fly, 90 down.
        end: Last angle.
        squeeze: Vertical over horizontal radius.
    """
    steps = max(2, round(abs(end - start) / 4))
    angles = (math.radians(start + (end - start) * step / steps) for step in range(steps + 1))
    return [(at[0] + radius * math.cos(angle), at[1] + radius * squeeze * math.sin(angle)) for angle in angles]


def around(at: Point, radius: float, degrees: float) -> Point:
    """The point at a distance and direction from another (0 points to the fly, 90 down)."""
    return at[0] + radius * math.cos(math.radians(degrees)), at[1] + radius * math.sin(math.radians(degrees))
