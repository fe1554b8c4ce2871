"""What attacks did to a defence's sentences and descriptors stands below the tables, counted by hand here."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow.parquet as pq

import robustmel as rm
from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query, Task


class Tells:
    """Says that a sentence made of the mention's text stands for the first candidate, and that an image shows how many words that has."""

    tasks: ClassVar = ("T2T", "I2T")
    version: ClassVar = 1

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [self._told(query) for query in queries]

    def _told(self, query: Query) -> Prediction:
        status = "ok" if len(query.text.split()) % 2 else "fallback:template"
        sentences = (query.text, *query.listed[1:])
        return Prediction(
            query.id, query.listed[:1], (1.0,), status=status, sentences=sentences, descriptors=(str(len(query.text.split())),)
        )


class Silent(Tells):
    """Has no such defence."""

    def _told(self, query: Query) -> Prediction:
        return Prediction(query.id, query.listed[:1], (1.0,))


def test_changed_sentences_descriptors_and_fall_backs_are_counted(tmp_path: Path) -> None:
    kinds = ("Tells", "Silent")
    report = rm.run(
        datasets=["world-news"], linkers=[{"name": f"{__file__}:{kind}", "label": kind} for kind in kinds], tasks=["T2T", "I2T"],
        attacks=["clean", {"name": "char_swap", "edit_rate": 0.2, "source": "Tells"}], limit=9, store=tmp_path / "store", out=tmp_path / "run",
    )  # fmt: skip
    cells = json.loads((tmp_path / "run" / "run.json").read_text())["cells"]
    (variant,) = {part["variant"] for cell in cells for part in cell["evaluations"] if part["variant"]}
    log = pq.read_table(tmp_path / "store" / "variant" / variant[:2] / variant / "log.parquet").to_pylist()
    edited = sum(row["edits"] > 0 for row in log)
    data = rm.load_dataset("world-news", "test")
    listed = {mention.query(data.name, mention.candidates).id: mention for mention in data}
    asked = [listed[row["id"]] for row in log]
    even = sum(len(mention.text.split()) % 2 == 0 for mention in asked)
    (note,) = (note for note in report.notes if "fell back" in note and ", T2T, " in note)
    assert edited > 0
    assert note == (
        f"linker Tells, T2T, world-news: it fell back for clean {100 * even / 9:.1f} %, char_swap {100 * even / 9:.1f} % of the"
        " mentions; other sentences stand for candidates than without an attack: char_swap"
        f" {100 * edited / sum(len(mention.candidates or ()) for mention in asked):.1f} %; images are described otherwise: char_swap 0.0 %."
    )  # letters that change leave a text its number of words
    (untouched,) = (note for note in report.notes if "fell back" in note and ", I2T, " in note)
    assert "char_swap" not in untouched  # it leaves alone what I2T reads
    assert not any("Silent" in note and "fell back" in note for note in report.notes)
