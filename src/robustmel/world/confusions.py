"""Ten candidates per mention, from its clean surface and similar flags, chosen without the right entity."""

from collections.abc import Iterable
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from robustmel.kb.knowledge_base import fold
from robustmel.types import Entity
from robustmel.world.chance import stream
from robustmel.world.flags import draw_flag
from robustmel.world.knowledge_base import world_knowledge_base

CANDIDATES = 10
"""How many a mention gets."""

_LEXICAL = 3
_LIKELIEST = 3
_POPULAR = 1

_GRID = (12, 8)
"""Columns and rows of cells whose mean colours are compared, whatever the flag's proportions."""


def candidates(surface: str, mention_id: str) -> tuple[str, ...]:
    """Ids of `CANDIDATES` different entities, in an order that depends on the mention's id alone."""
    ranked = ranking(fold(surface))
    return tuple(ranked[index] for index in stream("candidates", mention_id).permutation(len(ranked)).tolist())


@cache
def ranking(surface: str) -> tuple[str, ...]:
    """The candidates of a folded surface, likeliest first.

    Entities of that name, the more popular first (a prior); then those with the most similar names; then, in turns, the
    look-alikes of the likeliest of these; a place is kept for an entity that is simply popular.
    """
    kb = world_knowledge_base()
    sharers = sorted(kb.named(surface), key=lambda entity_id: -kb[entity_id].popularity)
    similar = [entity_id for entity_id in _by_similarity(surface) if entity_id not in sharers]
    likely = _first([*sharers, *similar[:_LEXICAL]], CANDIDATES - _POPULAR)
    rounds = zip(*(lookalikes(entity_id) for entity_id in likely[:_LIKELIEST]), strict=True)
    alike = (entity_id for turn in rounds for entity_id in turn)
    chosen = _first([*likely, *alike], CANDIDATES - _POPULAR)
    popular = sorted(kb, key=lambda entity: -entity.popularity)
    return tuple(_first([*chosen, *(entity.id for entity in popular)], CANDIDATES))


def _first(ids: Iterable[str], count: int) -> list[str]:
    """The first so many different ids."""
    return list(dict.fromkeys(ids))[:count]


def _by_similarity(surface: str) -> list[str]:
    """All entities, that with the most similar name or alias first; the more popular first among equals."""
    ours = _trigrams(surface)
    scored = [(max(_overlap(ours, theirs) for theirs in _names(entity)), entity) for entity in world_knowledge_base()]
    return [entity.id for score, entity in sorted(scored, key=lambda pair: (-pair[0], -pair[1].popularity))]


@cache
def _names(entity: Entity) -> tuple[frozenset[str], ...]:
    return tuple(_trigrams(fold(name)) for name in (entity.name, *entity.aliases))


def _trigrams(name: str) -> frozenset[str]:
    """All runs of three letters, word edges included."""
    padded = f"  {name} "
    return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))


def _overlap(first: frozenset[str], second: frozenset[str]) -> float:
    """Dice's coefficient of two sets: 1 for equal ones, 0 for disjoint ones."""
    return 2 * len(first & second) / (len(first) + len(second))


@lru_cache(maxsize=1)
def _distances() -> NDArray[np.int64]:
    """Summed absolute colour differences between all pairs of flags: (N, N), in the order of the knowledge base."""
    thumbnails = np.stack([_thumbnail(entity.id) for entity in world_knowledge_base()])
    return np.stack([np.abs(thumbnails - thumbnail).sum(axis=1) for thumbnail in thumbnails])


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
