"""Which flags look alike: distances between plain drawings, a property of the knowledge base and of no mention."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from robustmel.world.flags import draw_flag
from robustmel.world.knowledge_base import world_knowledge_base

_GRID = (12, 8)
"""Columns and rows of cells whose mean colours are compared, whatever the flag's proportions."""


@lru_cache(maxsize=1)
def _distances() -> NDArray[np.int64]:
    """Summed absolute colour differences between all pairs of flags: (N, N), in the order of the knowledge base."""
    thumbnails = np.stack([_thumbnail(entity.id) for entity in world_knowledge_base()])
    return np.stack([np.abs(thumbnails - one).sum(axis=1) for one in thumbnails])


def _thumbnail(entity_id: str) -> NDArray[np.int64]:
    flag = draw_flag(entity_id, 24).convert("RGBA")
    canvas = Image.new("RGB", flag.size, (128, 128, 128))
    canvas.paste(flag.convert("RGB"), mask=flag.getchannel("A"))
    return np.asarray(canvas.resize(_GRID, Image.Resampling.BOX), dtype=np.int64).ravel()


@cache
def lookalikes(entity_id: str) -> tuple[str, ...]:
    """All other entities of the world, the most similar flag first; ties in the order of the knowledge base."""
    ids = world_knowledge_base().ids
    order = np.argsort(_distances()[ids.index(entity_id)], kind="stable")
    return tuple(ids[index] for index in order.tolist() if ids[index] != entity_id)
