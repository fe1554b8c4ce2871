"""Which entities a data set of the world asks about, and how often."""

from __future__ import annotations

import hashlib

from robustmel.types import Entity
from robustmel.world.knowledge_base import world_knowledge_base

SIZES = {"train": 5000, "validation": 200, "test": 400}
"""Mentions of a split."""

AT_LEAST = {"train": 12, "validation": 1, "test": 1}
"""Mentions that the rarest entity of a data set has in a split."""

_KEPT = {
    "world-news": {"country": 0.88, "region": 0.95, "signal": 0.25},
    "world-sport": {"country": 0.85, "region": 0.4, "signal": 1.0},
}
"""Share of the world's entities of a kind that a data set asks about."""

_SKEW = 0.6
"""Frequencies follow popularity to this power."""


def kind_of(entity: Entity) -> str:
    """What a set and its captions tell apart: "country", "signal" (a maritime flag) or "region" (any other place)."""
    return {"country": "country", "signal flag": "signal"}.get(entity.type or "", "region")


def members(dataset: str) -> tuple[Entity, ...]:
    """The entities of "world-news" or "world-sport", in the order of the knowledge base."""
    return tuple(entity for entity in world_knowledge_base() if _draw(dataset, entity.id) < _KEPT[dataset][kind_of(entity)])


def frequencies(dataset: str, split: str) -> dict[str, int]:
    """Entity id -> number of mentions in a split; sums to `SIZES` exactly, by largest remainders."""
    entities, least = members(dataset), AT_LEAST[split]
    shared = SIZES[split] - least * len(entities)
    # Frequencies decide pixels and files, so they are worked out in whole numbers.
    weights = [max(1, round(entity.popularity**_SKEW * 1000)) for entity in entities]
    total = sum(weights)
    counts = [least + shared * weight // total for weight in weights]
    by_remainder = sorted(range(len(entities)), key=lambda index: -(shared * weights[index] % total))
    for index in by_remainder[: SIZES[split] - sum(counts)]:
        counts[index] += 1
    return {entity.id: count for entity, count in zip(entities, counts, strict=True)}


def _draw(dataset: str, entity_id: str) -> float:
    """A number in [0, 1) that belongs to this pair: editing one entity moves no other in or out of a data set."""
    digest = hashlib.blake2b(f"{dataset}\x00{entity_id}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
