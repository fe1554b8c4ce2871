"""The mentions of the world's data sets: who is meant, what it is called, what is written, what is seen."""

from __future__ import annotations

from dataclasses import dataclass

from robustmel.types import Entity
from robustmel.world.captions import templates_of, write_caption
from robustmel.world.census import frequencies, kind_of, members
from robustmel.world.chance import seed_of, stream
from robustmel.world.confusions import candidates
from robustmel.world.knowledge_base import facts
from robustmel.world.surfaces import draw_surface

DATASETS = ("world-news", "world-sport")
SPLITS = ("train", "validation", "test")


@dataclass(frozen=True, slots=True)
class WorldMention:
    """A mention before its picture is drawn.

    Args:
        id: Says the split and a running number, nothing about the entity.
        gold: Id of the entity meant.
        surface: What it is called.
        text: The caption.
        span: Where the surface stands in the caption.
        clue: The fact that the caption gives away, None where it gives none.
        candidates: Entity ids to choose from.
        scene_seed: Which scene of the entity is seen.
        image: File name of the scene.
    """

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
    """All mentions of a split, entities in mixed order.

    Args:
        dataset: "world-news" or "world-sport".
        split: "train", "validation" or "test".
    """
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
