"""A counterfactual data set: every entity has another name, in the knowledge base and in the texts."""

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.subset import load_table
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, Mention

LETTERS = ("aeiou", "bcdfghjklmnpqrstvwxyz")
"""Letters that change places with letters of their own kind, so that a made-up name can be spoken; all others stay."""


@dataclass(frozen=True)
class Renamed:
    """Another data set in which all names are made up: does a linker link, or does it remember names?

    The letters of every name change places, vowels with vowels and consonants with consonants, by one rule: names that share words
    go on to share them, a misspelt name stays near to its own, and homonyms stay homonyms. Names are replaced in the knowledge
    base, as surfaces, and wherever else a text has one. Ids, images and all other words stay.

    Args:
        of: The data set: its name, or a table as in a grid.
        seed: Of the rule.
        name: What tables call it; "NAME, renamed" where None.
    """

    of: str | Mapping[str, Any]
    seed: int = 0
    name: str | None = None

    version: ClassVar[int] = 1

    def load(self, split: str = "all") -> Dataset:
        """One split ("all" keeps every one)."""
        whole, rename = load_table(self.of, split), renaming(self.seed)
        pattern = names_pattern(name for entity in whole.kb for name in (entity.name, *entity.aliases))

        def rewrite(text: str) -> str:
            return pattern.sub(lambda match: rename(match[0]), text)

        def entity_of(entity: Entity) -> Entity:
            return replace(
                entity,
                name=rename(entity.name),
                aliases=tuple(map(rename, entity.aliases)),
                description=rewrite(entity.description),
                text=rewrite(entity.text),
            )

        return replace(
            whole,
            name=self.name or f"{whole.name}, renamed",
            kb=KnowledgeBase(map(entity_of, whole.kb)),
            mentions=tuple(_mention(mention, rename, rewrite) for mention in whole.mentions),
        )


def renaming(seed: int) -> Callable[[str], str]:
    """The rule of a seed: a permutation of letters without a fixed point, of both cases."""
    table: dict[int, str] = {}
    generator = random.Random(seed)
    for kind in LETTERS:
        order = generator.sample(kind, len(kind))  # a cycle through all of them leaves none where it was
        for letter, other in zip(order, order[1:] + order[:1], strict=True):
            table |= {ord(letter): other, ord(letter.upper()): other.upper()}
    return lambda name: name.translate(table)


def names_pattern(names: Iterable[str]) -> re.Pattern[str]:
    """Any of the names as whole words, the longest first."""
    ordered = sorted({name for name in names if name}, key=lambda name: (-len(name), name))
    if not ordered:
        raise UsageError("renamed: the knowledge base has no names.")
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, ordered))})(?!\w)")


def _mention(mention: Mention, rename: Callable[[str], str], rewrite: Callable[[str], str]) -> Mention:
    """The surface is renamed whatever it is; around it, the names of the knowledge base. All keep their length."""
    surface = rename(mention.surface)
    if mention.span is None:
        return replace(mention, surface=surface, text=rewrite(mention.text))
    start, end = mention.span
    return replace(mention, surface=surface, text=rewrite(mention.text[:start]) + surface + rewrite(mention.text[end:]))
