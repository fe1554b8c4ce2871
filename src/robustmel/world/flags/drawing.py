"""The flags as `flags.jsonl` lists them, one a line with what is painted in which order; and their pictures."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from PIL import Image, ImageDraw

from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.world.flags import crosses, discs, figures, shields, stars, stripes
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


LAYERS: dict[str, Callable[..., Layer]] = {
    name: value
    for module in (crosses, discs, figures, shields, stars, stripes)
    for name, value in vars(module).items()
    if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
}
"""Name in the table -> what gives such a layer."""


def _read_flags() -> dict[str, FlagDesign]:
    """Entity id -> its flag, in the table's order.

    A layer is a list: its name, its arguments, and last an object with those given by name. An argument may be a layer itself, or
    one of `figures.OUTLINES` by its name.
    """
    lines = (files("robustmel.world.flags") / "flags.jsonl").read_text("utf-8").splitlines()
    return {
        row["flag"]: FlagDesign(row["ratio"], tuple(map(_argument, row["layers"])), _argument(row.get("outline")))
        for row in map(json.loads, lines)
    }


def _argument(value: Any) -> Any:
    if isinstance(value, str):
        return figures.OUTLINES.get(value, value)
    if not isinstance(value, list):
        return value
    if not value or not isinstance(value[0], str) or value[0] not in LAYERS:
        return tuple(map(_argument, value))
    name, *arguments = value
    named = arguments.pop() if arguments and isinstance(arguments[-1], dict) else {}
    return LAYERS[name](*map(_argument, arguments), **{key: _argument(part) for key, part in named.items()})


FLAGS: dict[str, FlagDesign] = _read_flags()
"""Every flag that can be drawn, by entity id."""


def draw_flag(entity_id: str, height: int) -> Image.Image:
    """Draws the flag of an entity.

    Args:
        entity_id: An id of the embedded world's knowledge base.
        height: Height in pixels, from 1 on; the width follows from the flag's own proportions.

    Returns:
        An RGBA image; alpha is 0 outside the cloth of swallow-tails, pennants and other flags that are no rectangle.
        The same arguments give the same pixels.

    Raises:
        UsageError: There is no such flag, or the height is below 1.
    """
    if entity_id not in FLAGS:
        raise UsageError(f'the embedded world draws no flag "{entity_id}". {suggestion(entity_id, FLAGS)}')
    if height < 1:
        raise UsageError(f"a flag cannot be {height} pixels high; the height must be at least 1.")
    return FLAGS[entity_id].render(height)
