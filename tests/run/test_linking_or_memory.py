"""A linker that answers by names that it remembers loses them when they are made up; one that looks at the image does not."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import robustmel as rm
from robustmel.datasets import DATASETS
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.store import Store
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
    """Looks at the image, and links what it shows: the same with any names."""

    def __init__(self, kb: KnowledgeBase, /) -> None:
        super().__init__(kb)
        mentions = DATASETS.create("world-news").load("test").mentions
        self.seen = {decode(str(mention.image)).tobytes(): mention.gold for mention in mentions}

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self._one(query, self.seen.get(decode(str(query.image)).tobytes())) for query in queries]


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
    assert accuracy["Looks", "world-news"] == 1.0
    notes = {note.split()[3]: note for note in report.notes if note.startswith("Linking or memory?")}
    assert re.fullmatch(
        r"Linking or memory\? Remembers IT2T on world-news: with made-up names [\d.]+ points fewer are linked "
        r"\(95 % interval [\d.]+ to [\d.]+\)\.",
        notes["Remembers"],
    )
    assert "(0.0 points; 95 % interval " in notes["Looks"]
    assert "fewer are linked" not in notes["Looks"]


def test_a_language_model_without_made_up_names_beside_it_is_noted(tmp_path: Path) -> None:
    chat, builder = {"name": "chat", "model": "m", "replies": str(tmp_path / "r.sqlite")}, Builder(Store(tmp_path), "cpu")
    both = ["world-news", {"name": "renamed", "of": "world-news"}]
    for datasets, noted in ((both[:1], True), (both, False)):
        plan = expand(
            parse_grid({"datasets": datasets, "linkers": [chat, "clip-world"], "attacks": ["clean"], "limit": 4}), builder
        )
        assert [note for note in plan.notes if "by heart" in note] == [
            'chat may know names of world-news by heart; beside a data set {name = "renamed", of = ...} the table says what it loses'
            " without them."
        ] * noted
