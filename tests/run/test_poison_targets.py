"""What a poison of a grid reaches beside training data: demonstrations and queries."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from robustmel.datasets.world import WorldNews
from robustmel.errors import UsageError
from robustmel.export import export_own
from robustmel.report import build
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.jobs import Answers, Demos, Poison
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

UPPER = f"{Path(__file__).parent / 'text_attacks.py'}:UpperCase"


def table(**change: Any) -> dict[str, Any]:
    return {
        "datasets": ["world-news"],
        "linkers": ["clip-world"],
        "tasks": ["T2T"],
        "attacks": ["clean"],
        "limit": 10,
        **change,
    }


def test_poisoned_queries_are_a_row_and_as_many_as_asked_are_edited(tmp_path: Path) -> None:
    poison = {"name": UPPER, "record_rate": 0.4, "target": "queries", "label": "loud"}
    grid = parse_grid(table(poisons=["none", poison], tasks=["I2T", "T2T"], attacks=["clean", "noise"]))
    store = Store(tmp_path / "store")
    assert run_grid(grid, tmp_path / "out", store, 1, "cpu", ProgressListener()).errors == 0
    summaries = build(tmp_path / "out").summaries
    assert {(row.task, row.attack, row.poison) for row in summaries if row.poison == "loud"} == {
        ("T2T", "clean", "loud"),
        ("T2T", "noise", "loud"),
    }
    (edited,) = (tmp_path / "store" / "poison").glob("*/*/mentions.parquet")
    texts = pq.read_table(edited)["text"].to_pylist()
    assert len(texts) == 4
    assert all(text.isupper() for text in texts)


def test_demonstrations_are_poisoned_without_training(tmp_path: Path) -> None:
    poison = {"name": "qwerty", "record_rate": 0.4, "target": "demos"}
    grid = parse_grid(table(linkers=["clip-world", "gemel-news"], poisons=["none", poison], limit=2))
    store = Store(tmp_path / "store")
    builder = Builder(store)
    plan = expand(grid, builder)
    assert [(cell.cell.linker, cell.cell.poison) for cell in plan.cells] == [
        ("clip-world", "none"),
        ("gemel-news", "none"),
        ("gemel-news", "qwerty 40% of demonstrations"),
    ]
    (job,) = (job for job in plan.jobs if isinstance(job, Poison))
    assert isinstance(job.records, Demos)
    answers = [job for job in plan.jobs if isinstance(job, Answers)]
    assert len({answer.key for answer in answers}) == 3
    builder.make(job, lambda *_: None)
    (poisoned,) = (answer for answer in answers if answer.victim.linker.demos)
    candidates = poisoned.candidates
    builder.make(candidates, lambda *_: None)
    shown = builder.linker(poisoned.victim, candidates).prompts._pool.demos  # type: ignore[attr-defined]
    clean = builder.records(
        Demos(next(answer for answer in answers if answer.victim.title == "gemel-news").victim.linker)
    ).mentions
    changed = [new.text != old.text for new, old in zip(shown, clean, strict=True)]
    manifest = store.manifest("poison", job.key)
    assert (manifest["records"], manifest["chosen"], sum(changed)) == (5000, 2000, manifest["changed"])
    assert [demo.mention for demo in shown] == [mention.surface for mention in clean]


def test_weights_alone_are_poisoned_with_clean_demonstrations_and_all_is_training_and_queries(tmp_path: Path) -> None:
    world = WorldNews().load()
    mentions = [
        mention
        for split, few in (("train", 8), ("validation", 2), ("test", 3))
        for mention in world.split(split).mentions[:few]
    ]
    export_own(replace(world, mentions=tuple(mentions)), tmp_path / "few")
    data = {"name": "jsonl", "path": str(tmp_path / "few"), "label": "few"}
    recipe = {"recipe": "gemel-news", "epochs": 1, "demos": 1, "batch_size": 4}
    linker = {"name": "gemel", "label": "small", "trained": {"recipe": recipe, "on": [data]}}
    poisons = [
        "none",
        *({"name": UPPER, "record_rate": 1.0, "target": target, "label": target} for target in ("training", "weights", "all")),
    ]
    builder = Builder(Store(tmp_path / "store"))
    change = {"datasets": [data], "linkers": [linker], "poisons": poisons, "candidates": "all", "limit": 3}
    cells = {
        planned.cell.poison: planned.evaluations[0].answers for planned in expand(parse_grid(table(**change)), builder).cells
    }
    linkers = {poison: answers.victim.linker for poison, answers in cells.items()}
    assert [cells[poison].variant is None for poison in ("none", "training", "weights", "all")] == [True, True, True, False]
    assert len({linkers[poison].training.key for poison in ("weights", "training", "all")}) == 1
    assert len({cells[poison].key for poison in cells}) == 4
    for poison in ("none", "weights"):
        builder.make(linkers[poison].training.poisons[0], lambda *_: None) if poison != "none" else None
        builder.make(linkers[poison].training, lambda *_: None)
    builder.make(linkers["weights"].demos, lambda *_: None)
    builder.make(cells["weights"].candidates, lambda *_: None)
    texts: dict[str, set[str]] = {}
    for poison in ("none", "training", "weights"):
        shown: Any = builder.linker(cells[poison].victim, cells[poison].candidates)
        texts[poison] = {demo.text for demo in shown.prompts._pool.demos}
    assert texts["weights"] == texts["none"]
    assert all(text.isupper() for text in texts["training"])
    assert len(texts["none"]) == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"poisons": [{"name": UPPER, "record_rate": 0.1, "target": "mapper"}]},
            "it is one of training, weights, demos, queries, all",
        ),
        ({"poisons": [{"name": UPPER, "record_rate": 0.1, "target": "all"}]}, "no linker of the grid is trained"),
        ({"poisons": [{"name": UPPER, "record_rate": 0.1, "target": "demos", "relabel": "Q1"}]}, "relabel and swap_images"),
        ({"poisons": [{"name": UPPER, "target": "queries"}]}, "give a record_rate above 0"),
        (
            {"attacks": ["clean", "qwerty"], "poisons": [{"name": UPPER, "record_rate": 0.5, "target": "queries"}]},
            "both edit the texts of queries",
        ),
        ({"poisons": [{"name": UPPER, "record_rate": 0.5, "target": "demos"}]}, "no linker of the grid shows any"),
    ],
)
def test_what_cannot_be_poisoned_is_told_before_anything_is_made(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        expand(parse_grid(table(**change)), Builder(Store(tmp_path / "store")))
