"""A linker with a habit of position is told from one that reads the list, by where its answers stood."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

import robustmel as rm
from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task

COUNT = 80


class Reads:
    """Is shown a shuffled list, and takes a candidate by what it is."""

    tasks: ClassVar = ("IT2T",)
    version: ClassVar = 1
    random: ClassVar = True
    shuffled: ClassVar = True

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def shown(self, query: Query) -> list[str]:
        listed = list(query.listed)
        random.Random(query.seed).shuffle(listed)
        return listed

    def choose(self, query: Query) -> str:
        return min(self.shown(query), key=lambda entity: (len(self.kb[entity].name), entity))

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [Prediction(query.id, (self.choose(query),), (1.0,)) for query in queries]


class TakesTheFirst(Reads):
    """Half of the time, whatever stands there."""

    def choose(self, query: Query) -> str:
        return self.shown(query)[0] if query.seed % 2 else super().choose(query)


class TakesTheLast(TakesTheFirst):
    def shown(self, query: Query) -> list[str]:
        return super().shown(query)[::-1]

    def choose(self, query: Query) -> str:
        return self.shown(query)[-1] if query.seed % 2 else super().choose(query)


@pytest.mark.parametrize(("kind", "place"), [("Reads", None), ("TakesTheFirst", "first"), ("TakesTheLast", "last")])
def test_a_habit_of_position_is_told(kind: str, place: str | None, tmp_path: Path) -> None:
    rm.run(
        datasets=["world-news"], linkers=[{"name": f"{__file__}:{kind}", "label": kind}], attacks=["clean"], tasks=["IT2T"],
        limit=COUNT, store=tmp_path / "store", out=tmp_path / "run",
    )  # fmt: skip
    (note,) = (note for note in json.loads((tmp_path / "run" / "run.json").read_text())["notes"] if "shuffled list" in note)
    first, last, chance = (int(share) for share in re.findall(r"(\d+)%", note))
    assert f"of {COUNT} clean answers" in note
    assert chance == 10
    p = float(note.partition("p = ")[2].rstrip(")."))
    if place is None:
        assert p > 0.05
        assert max(first, last) < 25
    else:
        assert p < 1e-6
        assert {"first": first, "last": last}[place] > 40
