"""Ten candidates a mention, from its clean surface alone: nobody who chooses them knows the right entity."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from robustmel.kb.knowledge_base import fold
from robustmel.types import Entity
from robustmel.world.chance import stream
from robustmel.world.knowledge_base import world_knowledge_base
from robustmel.world.lookalikes import lookalikes

CANDIDATES = 10
"""How many a mention gets."""

_LEXICAL = 3
_LIKELIEST = 3
_POPULAR = 1


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
    alike = (entity_id for one_each in rounds for entity_id in one_each)
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
