"""A linker that answers by names that it remembers loses them when they are made up; one that looks at the image does not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import robustmel as rm
from robustmel.datasets import DATASETS
from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task

COUNT = 60


class Remembers:
    """Knows the true names by heart and links a surface that is one of them."""

    tasks: ClassVar = ("IT2T",)
    version: ClassVar = 1

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb
        self.known = {
            name: entity.id
            for entity in DATASETS.create("world-news").load("test").kb
            for name in (entity.name, *entity.aliases)
        }

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self._one(query, self.known.get(query.surface)) for query in queries]

    def _one(self, query: Query, entity: str | None) -> Prediction:
        ranked = (entity,) if entity in query.listed and entity is not None else ()
        return Prediction(query.id, ranked, (1.0,) * len(ranked))


class Looks(Remembers):
    """Reads the image's file name in place of its content: the same with any names."""

    def __init__(self, kb: KnowledgeBase, /) -> None:
        super().__init__(kb)
        self.seen = {m.image: m.gold for m in DATASETS.create("world-news").load("test").mentions}

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self._one(query, self.seen.get(query.image)) for query in queries]


def test_memory_is_told_from_linking(tmp_path: Path) -> None:
    named = [{"name": f"{__file__}:{kind}", "label": kind} for kind in ("Remembers", "Looks")]
    report = rm.run(
        datasets=["world-news", {"name": "renamed", "of": "world-news"}],
        linkers=named,
        attacks=["clean"],
        tasks=["IT2T"],
        limit=COUNT,
        store=tmp_path / "store",
        out=tmp_path / "run",
    )
    compared = {record["linker"]: record for record in json.loads(report.compare("names").to_json())}
    assert compared["Remembers"]["verdict"] == "more"
    accuracy = {(row.cell.linker, row.cell.dataset): row.accuracy for row in report.summaries}
    lost = accuracy["Remembers", "world-news"] - accuracy["Remembers", "world-news, renamed"]
    assert abs(compared["Remembers"]["value"] - lost) < 1e-6
    assert (compared["Looks"]["value"], compared["Looks"]["n"]) == (0.0, COUNT)
