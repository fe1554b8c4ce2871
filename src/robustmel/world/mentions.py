"""The mentions of the world's data sets: who is meant, what it is called, what is written, what is seen."""

from collections.abc import Mapping
from dataclasses import dataclass

from robustmel.types import Entity
from robustmel.world.captions import templates_of, write_caption
from robustmel.world.census import frequencies, kind_of, members
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
    random, known = stream("mention", dataset, mention_id), clues(gold.id)
    kind = "signal" if kind_of(gold) == "signal" else "country"
    surface = draw_surface(gold, known, random)
    caption = write_caption(templates_of(dataset, split), kind, surface, known, (gold.name, *gold.aliases), random)
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
    known = dict(facts(entity_id))
    series = known.get("series")
    if series in ("letter", "numeral"):
        known["symbol"] = f"the {series} {known['character']}"
    if series == "numeral" or known.get("meaning", "").startswith("no meaning"):
        del known["meaning"]
    return known


def draw_surface(entity: Entity, known: Mapping[str, str], random: Generator) -> str:
    """A surface for an entity."""
    kb = world_knowledge_base()
    chance = random.uniform()
    capital = known.get("capital")
    if chance < METONYM and capital is not None:
        return capital
    names = [name for name in (entity.name, *entity.aliases) if "(" not in name] or [entity.name]
    shared = [name for name in names if len(kb.named(name)) > 1]
    own = [name for name in names if name not in shared]
    of_these = shared if shared and (not own or random.uniform() < SHARED) else own
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
