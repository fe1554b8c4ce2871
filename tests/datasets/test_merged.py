"""Ids that Wikidata merged: the same entity on both sides of the score, whoever still uses the old one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
from pytest_httpserver import HTTPServer
from tests.retrieval.wiki_double import Wiki

import robustmel as rm
from robustmel.cli.entry import run
from robustmel.datasets import DATASETS
from robustmel.datasets.dataset import Dataset
from robustmel.datasets.merged import read_merged
from robustmel.errors import MissingError
from robustmel.fetch.client import PoliteClient
from robustmel.fetch.hosts import Hosts
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.wikimedia.encyclopaedia import Encyclopaedia
from robustmel.types import Prediction, Query, Task

ENTITIES: list[dict[str, Any]] = [
    {"id": "Q11", "name": "Apple Computer", "qid": "Q11"},
    {"id": "Q12", "name": "Apple Inc.", "aliases": ["Apple"], "qid": "Q12"},
    {"id": "Q13", "name": "apple", "qid": "Q13"},
    {"id": "pear", "name": "pear", "qid": "Q14"},
]
MENTIONS: list[dict[str, Any]] = [
    {"id": "a", "gold": "Q11", "surface": "Apple", "text": "Apple sells.", "candidates": ["Q12", "Q11", "Q13"]},
    {"id": "b", "gold": "Q12", "surface": "Apple", "text": "Apple sells.", "candidates": ["Q13", "Q11", "Q12"]},
    {"id": "c", "gold": "pear", "surface": "pear", "text": "A pear."},
    {"id": "d", "gold": "Q16", "surface": "quince", "text": "A quince."},
    {"id": "e", "gold": None, "surface": "plum", "text": "A plum."},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("entities", ENTITIES), ("mentions", MENTIONS)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "merged.tsv").write_text("Q11\tQ10\nQ10\tQ12\nQ14\tQ15\nQ16\tQ15\n")
    return tmp_path


def merged(folder: Path) -> Dataset:
    loaded: Dataset = DATASETS.create(
        "merged", of={"name": "jsonl", "path": str(folder)}, ids=str(folder / "merged.tsv")
    ).load()
    return loaded


def test_two_items_that_became_one_are_one_entity_with_the_names_of_both(folder: Path) -> None:
    data = merged(folder)
    assert [(entity.id, entity.qid, entity.name, entity.aliases) for entity in data.kb] == [
        ("Q12", "Q12", "Apple Inc.", ("Apple", "Apple Computer")),
        ("Q13", "Q13", "apple", ()),
        ("pear", "Q15", "pear", ()),
    ]
    assert [mention.gold for mention in data] == ["Q12", "Q12", "pear", "pear", None]
    assert [mention.candidates for mention in data][:2] == [("Q12", "Q13"), ("Q13", "Q12")]
    assert data.report.layout.endswith("1 entities merged into others")
    untouched = DATASETS.create("jsonl", path=str(folder)).load()
    assert [(mention.id, mention.text, mention.surface) for mention in data] == [
        (mention.id, mention.text, mention.surface) for mention in untouched
    ]


def test_an_answer_under_an_old_id_is_right_and_without_the_table_it_is_wrong(folder: Path) -> None:
    answers = {"a": "Q12", "b": "Q11", "c": "Q14", "d": "Q15"}
    said = [Prediction(name, (answer, "Q13"), (2.0, 1.0)) for name, answer in answers.items()] + [Prediction("e")]
    assert rm.score(said, merged(folder)).accuracy == 1
    assert rm.score(said, DATASETS.create("jsonl", path=str(folder)).load()).accuracy == 1 / 5
    tied = [Prediction("a", ("Q13", "Q11", "Q12"), (3.0, 3.0, 3.0)), *said[1:]]
    assert rm.score(tied, merged(folder)).accuracy == pytest.approx(4.5 / 5)  # of one entity ranked twice, one counts


class ManyNames:
    """Answers with the entity that has the most names."""

    tasks: ClassVar = ("T2T",)
    version: ClassVar = 1

    def __init__(self, kb: KnowledgeBase, /) -> None:
        self.kb = kb

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        return [Prediction(query.id, (max(query.listed, key=self._names),), (1.0,)) for query in queries]

    def _names(self, entity: str) -> int:
        return len(self.kb[entity].aliases)


def test_a_run_counts_an_answer_under_either_id(folder: Path) -> None:
    of = {"name": "jsonl", "path": str(folder)}
    axes: dict[str, Any] = {
        "linkers": [f"{__file__}:ManyNames"],
        "attacks": ["clean"],
        "tasks": ["T2T"],
        "candidates": "all",
        "split": "all",
    }
    right = []
    for data in (of, {"name": "merged", "of": of, "ids": str(folder / "merged.tsv")}):
        (row,) = rm.run(datasets=[data], store=folder / "store", **axes).to_pandas().to_dict("records")
        right.append((row["n"], row["correct"]))
    assert right == [(5, 1), (5, 2)]  # Apple Inc. is the answer to both mentions of it


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ("Q1 Q2\n", "merged.tsv:1: expected an old id, a tab and a new one"),
        ("Q1\tQ2\nQ1\tQ3\n", "merged.tsv:2: Q1 leads to Q2 already"),
        ("Q1\tQ2\nQ2\tQ3\nQ3\tQ1\n", "leads back to itself"),
        ("Q1\tQ0\n", "expected an old id"),
    ],
)
def test_what_is_no_table_of_merged_ids_is_named(lines: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "merged.tsv").write_text(lines)
    with pytest.raises(MissingError, match=sentence):
        read_merged(tmp_path / "merged.tsv")
    with pytest.raises(MissingError, match="`robustmel kb merged` writes such a file"):
        read_merged(tmp_path / "absent.tsv")


def test_wikidata_says_which_ids_were_merged_and_the_answers_are_kept(
    httpserver: HTTPServer, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wiki = Wiki(httpserver)
    wiki.merged["Q11"] = "Q12"
    for qid in ("Q12", "Q13", "Q14"):
        wiki.item(qid, qid)
    store = folder / "evidence"
    client = PoliteClient("a@example.org", Hosts(loopback=True))
    asking = Encyclopaedia(store, client=client, wikidata=wiki.wikidata, wikipedia=wiki.wikipedia)
    today = {"Q11": "Q12", "Q12": "Q12", "Q13": "Q13", "Q14": "Q14", "Q16": ""}
    assert asking.items([*today, "Q16"]) == today
    of, out = f'{{name = "jsonl", path = "{folder}"}}', folder / "new.tsv"
    assert run(["kb", "merged", "--dataset", of, "--store", str(store), "--offline", "--out", str(out)]) == 0
    assert read_merged(out) == {"Q11": "Q12"}
    told = capsys.readouterr().err
    assert "1 of 5 ids were merged into others" in told
    assert "deleted: 1 ids, the first is Q16" in told
