"""Which entities a data set of the world asks about, and how often."""

import hashlib
from collections.abc import Sequence

from robustmel.types import Entity
from robustmel.world.knowledge_base import world_knowledge_base

SIZES = {"train": 5000, "validation": 200, "test": 400}
"""Mentions of a split."""

AT_LEAST = {"train": 12, "validation": 1, "test": 1}
"""Mentions that the rarest entity of a data set has in a split."""

NAMESAKES = 0.4
"""Share of the mentions that is about entities whose name or alias another entity bears too."""

_ALWAYS = 30
"""So many of the most popular entities, and all namesakes, are in both data sets."""

_KEPT = {
    "world-news": {"country": 0.42, "region": 0.6, "signal": 0.1},
    "world-sport": {"country": 0.32, "region": 0.25, "signal": 1.0},
}
"""Share of the other entities of a kind that a data set asks about."""

_SKEW = 0.5
"""Frequencies follow popularity to this power."""


def kind_of(entity: Entity) -> str:
    """What a set and its captions tell apart: "country", "signal" (a maritime flag) or "region" (any other place)."""
    return {"country": "country", "signal flag": "signal"}.get(entity.type or "", "region")


def has_namesake(entity: Entity) -> bool:
    """Whether another entity of the world bears one of its names."""
    return any(len(world_knowledge_base().named(name)) > 1 for name in (entity.name, *entity.aliases))


def members(dataset: str) -> tuple[Entity, ...]:
    """The entities of "world-news" or "world-sport", in the order of the knowledge base."""
    kb = world_knowledge_base()
    always = {entity.id for entity in sorted(kb, key=lambda entity: -entity.popularity)[:_ALWAYS]}
    kept_share = _KEPT[dataset]
    return tuple(
        entity
        for entity in kb
        if entity.id in always or has_namesake(entity) or _draw(dataset, entity.id) < kept_share[kind_of(entity)]
    )


def frequencies(dataset: str, split: str) -> dict[str, int]:
    """Entity id -> number of mentions in a split; sums to `SIZES`."""
    entities = members(dataset)
    namesakes = [entity for entity in entities if has_namesake(entity)]
    others = [entity for entity in entities if not has_namesake(entity)]
    about_namesakes = round(NAMESAKES * SIZES[split])
    counts = _shared_out(about_namesakes, namesakes, AT_LEAST[split])
    counts |= _shared_out(SIZES[split] - about_namesakes, others, AT_LEAST[split])
    return {entity.id: counts[entity.id] for entity in entities}


def _shared_out(total: int, entities: Sequence[Entity], least: int) -> dict[str, int]:
    """Whole numbers that sum to the total and follow popularity beyond a minimum, by largest remainders."""
    # Counts decide files and pixels, so they are worked out in integers.
    weights = [max(1, round(entity.popularity**_SKEW * 1000)) for entity in entities]
    spare, whole = total - least * len(entities), sum(weights)
    counts = [least + spare * weight // whole for weight in weights]
    by_remainder = sorted(range(len(entities)), key=lambda index: -(spare * weights[index] % whole))
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    return {entity.id: count for entity, count in zip(entities, counts, strict=True)}


def _draw(dataset: str, entity_id: str) -> float:
    """A number in [0, 1) that belongs to this pair: editing one entity moves no other in or out of a data set."""
    digest = hashlib.blake2b(f"{dataset}\x00{entity_id}".encode(), digest_size=6).digest()
    return int.from_bytes(digest, "big") / 2**48
