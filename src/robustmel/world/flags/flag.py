"""A flag as a list of facts, and its rendering."""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image, ImageDraw

from robustmel.world.flags.canvas import SUPERSAMPLING, Canvas, Layer, Point


@dataclass(frozen=True)
class FlagDesign:
    """What is painted, in order.

    Args:
        ratio: Width over height.
        layers: Painted first to last.
        outline: Corners of the cloth, in flag heights, where it is no rectangle.
    """

    ratio: float
    layers: tuple[Layer, ...]
    outline: tuple[Point, ...] | None = None

    def render(self, height: int) -> Image.Image:
        """The flag as an RGBA image `height` pixels high; alpha is 0 outside the cloth."""
        width = max(1, round(height * self.ratio))
        canvas = Canvas(height * SUPERSAMPLING, width / height)
        for layer in self.layers:
            layer(canvas)
        picture = canvas.image.reduce(SUPERSAMPLING)
        picture.putalpha(self._cloth(canvas))
        return picture

    def _cloth(self, canvas: Canvas) -> Image.Image:
        mask = Image.new("L", canvas.image.size, 255 if self.outline is None else 0)
        if self.outline is not None:
            ImageDraw.Draw(mask).polygon([(x * canvas.samples, y * canvas.samples) for x, y in self.outline], fill=255)
        return mask.reduce(SUPERSAMPLING)
