"""From an entity id to a picture of its flag."""

from __future__ import annotations

from PIL import Image

from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.world.flags.flag import FlagDesign
from robustmel.world.flags.table import read_flags

FLAGS: dict[str, FlagDesign] = read_flags()
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
