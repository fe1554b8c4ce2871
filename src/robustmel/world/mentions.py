"""The mentions of the world's data sets: who is meant, what it is called, what is written, what is seen."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robustmel.types import Entity
from robustmel.world.captions import templates_of, write_caption
from robustmel.world.chance import Generator, pick, seed_of, stream
from robustmel.world.confusions import candidates
from robustmel.world.knowledge_base import facts, world_knowledge_base

DATASETS = ("world-news", "world-sport")
SPLITS = ("train", "validation", "test")

SHARED = 0.9
"""Chance that an entity with names that others bear too is called by one of them."""

METONYM = 0.03
"""Chance that a country is called by its capital ("Lima has signed"), as newspapers do."""

MISSPELT = 0.04
"""Chance that two letters of a name are exchanged, or one is lost."""

_LONG_ENOUGH = 5


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


@dataclass(frozen=True, slots=True)
class WorldMention:
    """A mention before its picture is drawn."""

    id: str
    gold: str
    surface: str
    text: str
    span: tuple[int, int]
    clue: str | None
    candidates: tuple[str, ...]
    scene_seed: int
    image: str


def world_mentions(dataset: str, split: str) -> list[WorldMention]:
    """All mentions of a split, entities in mixed order."""
    counts = frequencies(dataset, split)
    golds = [entity for entity in members(dataset) for _ in range(counts[entity.id])]
    order = stream("order", dataset, split).permutation(len(golds))
    return [_mention(dataset, split, number, golds[index]) for number, index in enumerate(order.tolist())]


def _mention(dataset: str, split: str, number: int, gold: Entity) -> WorldMention:
    mention_id = f"{split}-{number:05d}"
    random, facts = stream("mention", dataset, mention_id), clues(gold.id)
    kind = "signal" if kind_of(gold) == "signal" else "country"
    surface = draw_surface(gold, facts, random)
    caption = write_caption(templates_of(dataset, split), kind, surface, facts, (gold.name, *gold.aliases), random)
    return WorldMention(
        id=mention_id,
        gold=gold.id,
        surface=surface,
        text=caption.text,
        span=caption.span,
        clue=caption.clue,
        candidates=candidates(surface, f"{dataset} {mention_id}"),
        scene_seed=seed_of("scene", dataset, mention_id),
        image=f"images/{number:05d}.png",
    )


def clues(entity_id: str) -> dict[str, str]:
    """The facts of an entity as captions tell them: a signal flag's series and character make up its `symbol`."""
    known_facts = dict(facts(entity_id))
    series = known_facts.get("series")
    if series in ("letter", "numeral"):
        known_facts["symbol"] = f"the {series} {known_facts['character']}"
    if series == "numeral" or known_facts.get("meaning", "").startswith("no meaning"):
        del known_facts["meaning"]
    return known_facts


def draw_surface(entity: Entity, facts: Mapping[str, str], random: Generator) -> str:
    """A surface for an entity."""
    kb = world_knowledge_base()
    chance = random.uniform()
    capital = facts.get("capital")
    if chance < METONYM and capital is not None:
        return capital
    names = [name for name in (entity.name, *entity.aliases) if "(" not in name] or [entity.name]
    shared = [name for name in names if len(kb.named(name)) > 1]
    unshared = [name for name in names if name not in shared]
    of_these = shared if shared and (not unshared or random.uniform() < SHARED) else unshared
    name = of_these[0] if random.uniform() < 0.5 else pick(random, of_these)
    if METONYM <= chance < METONYM + MISSPELT and len(name) >= _LONG_ENOUGH:
        return _misspelt(name, random)
    return name


def _misspelt(name: str, random: Generator) -> str:
    """The name with two neighbouring letters exchanged or one left out; its first letter stays."""
    place = int(random.integers(1, len(name) - 1))
    if random.uniform() < 0.5:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + name[place + 1 :]
