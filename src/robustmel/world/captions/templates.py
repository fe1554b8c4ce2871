"""The template files."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files


@dataclass(frozen=True)
class Templates:
    """The templates of one split of one data set.

    Args:
        plain: Kind of entity ("country", "signal") -> captions that tell nothing about which entity is meant.
        clue: Kind -> name of a fact -> captions that mention this fact.
        slots: Name of a slot -> what may stand there.
    """

    plain: Mapping[str, tuple[str, ...]]
    clue: Mapping[str, Mapping[str, tuple[str, ...]]]
    slots: Mapping[str, tuple[str, ...]]

    def all(self, kind: str) -> tuple[str, ...]:
        """Every template for a kind of entity."""
        return self.plain[kind] + tuple(template for clues in self.clue[kind].values() for template in clues)


@lru_cache
def templates_of(dataset: str, split: str) -> Templates:
    """The templates of "world-news" or "world-sport" for "train", "validation" or "test"."""
    table = tomllib.loads(template_file(dataset))
    ours = table[split]
    return Templates(
        plain={kind: (*ours["plain"][kind], *ours["plain"]["any"]) for kind in ("country", "signal")},
        clue={kind: {fact: tuple(texts) for fact, texts in ours["clue"][kind].items()} for kind in ("country", "signal")},
        slots={slot: tuple(values) for slot, values in table["slots"].items()},
    )


def template_file(dataset: str) -> str:
    """The text of a data set's template file."""
    name = dataset.removeprefix("world-") + ".toml"
    return files("robustmel.world.captions").joinpath(name).read_text(encoding="utf-8")
