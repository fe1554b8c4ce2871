"""What a mention is called: the name, an alias that others may share, and now and then something no table lists."""

from __future__ import annotations

from collections.abc import Mapping

from robustmel.types import Entity
from robustmel.world.chance import Generator, pick
from robustmel.world.knowledge_base import world_knowledge_base

SHARED = 0.9
"""Chance that an entity with names that others bear too is called by one of them."""

METONYM = 0.03
"""Chance that a country is called by its capital ("Lima has signed"), as newspapers do."""

MISSPELT = 0.04
"""Chance that two letters of a name are exchanged, or one is lost."""

_LONG_ENOUGH = 5


def draw_surface(entity: Entity, facts: Mapping[str, str], random: Generator) -> str:
    """A surface for an entity.

    Args:
        entity: Who is meant.
        facts: Of the entity; only `capital` is read.
        random: Decides.
    """
    kb = world_knowledge_base()
    chance = random.uniform()
    capital = facts.get("capital")
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
