"""Experiments are grids that can be planned, and their figures are those of the paper."""

from __future__ import annotations

import csv
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import MagicMock

import pytest

import robustmel as rm
from robustmel.errors import UsageError
from robustmel.experiments.rate_plot import rate_plot
from robustmel.experiments.reproduce import experiments, read_experiment, reproduce
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.store import Store

PAPER = Path(__file__).parents[3] / "shared" / "papers" / "poisoning.csv"


@pytest.mark.parametrize("name", experiments())
def test_every_table_can_be_planned(name: str, tmp_path: Path) -> None:
    builder = Builder(Store(tmp_path / "store"))
    for table in read_experiment(name, quick=True).tables:
        assert expand(table.grid, builder).jobs, table.name


def test_the_full_experiment_has_ten_paired_seeds_where_conditions_differ_in_what_the_mapper_learns() -> None:
    seeds = {table.name: len(table.grid.seeds) for table in read_experiment("poisoning-ablations").tables}
    assert set(seeds.values()) == {10}
    poisoned = {table.name: len(table.grid.seeds) for table in read_experiment("poisoning").tables}
    assert {name for name, count in poisoned.items() if count == 10} == {"clean-and-clare", "dual-encoder"}
    assert set(poisoned.values()) == {3, 10}
    assert {len(table.grid.seeds) for table in read_experiment("poisoning", quick=True).tables} == {1}


def test_a_table_alone_with_fewer_seeds_is_the_same_grid_but_for_them() -> None:
    whole = {table.name: table for table in read_experiment("poisoning").tables}
    (table,) = read_experiment("poisoning", only=["unseen-entities"], seeds=2).tables
    assert table == replace(whole["unseen-entities"], grid=replace(whole["unseen-entities"].grid, seeds=(0, 1)))
    with pytest.raises(UsageError, match='poisoning has no table "unseen"'):
        read_experiment("poisoning", only=["unseen"])


def test_no_training_mention_is_about_an_unseen_entity() -> None:
    (table,) = read_experiment("poisoning", only=["unseen-entities"]).tables
    learnt = {mention.gold for mention in loaded(table.grid.trained["GEMEL"].on[0])}
    asked = [mention for mention in loaded(table.grid.datasets[0]) if mention.split == "test"]
    assert len(asked) > 50
    assert learnt.isdisjoint(mention.gold for mention in asked)


def loaded(dataset: Component) -> Any:
    return rm.load_dataset(dataset.name, **dataset.params).mentions


def test_a_poison_that_needs_a_file_is_there_where_the_user_names_it_and_else_marked_absent(tmp_path: Path) -> None:
    def table(**given: str) -> Any:
        return next(table for table in read_experiment("poisoning", given=given).tables if table.name == "textattack")

    assert dict(table().absent) == {"wordnet": "give --wordnet PATH"}
    assert [poison.title for poison in table().grid.poisons] == ["none", "embedding", "randomswap"]
    assert table().grid.poisons[1].attack.params == {"edit_rate": 0.4, "encoder": "world:mlm-world", "min_cosine": 0.8}
    whole = table(vectors="near.txt", wordnet="dict")
    assert [poison.title for poison in whole.grid.poisons] == ["none", "embedding", "wordnet", "randomswap"]
    assert whole.grid.poisons[1].attack.params == {"edit_rate": 0.4, "vectors": "near.txt"}
    copies = parse_grid({"datasets": ["world-news"], "linkers": ["copy-surface"], "tasks": ["T2T"], "attacks": ["clean"], "limit": 5,
                         "candidates": "all", "poisons": ["none", {"name": "qwerty", "label": "loud", "record_rate": 0.4, "target": "queries"}]})  # fmt: skip
    experiment = replace(read_experiment("poisoning"), tables=(replace(table(), grid=copies),))
    text, _ = reproduce(experiment, tmp_path / "out", tmp_path / "store", 1, "cpu")
    assert re.search(r"\| wordnet +\| +\| absent: give --wordnet PATH", text)
    assert "- world-news, T2T, copy-surface, loud: " in text
    assert "| WikiDiverse | randomswap | 79.2     |" in text


def test_the_plot_puts_every_figure_at_its_rate_and_the_paper_s_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    tables = {table.name: table for table in read_experiment("poisoning").tables}
    by_records, by_words = tables["record-rate"], tables["edit-rate"]
    shares = {"clare 40%": 0.5, "none": 0.8, "clare 10%": 0.7, "a stranger": 0.1, "20% of the words": 0.6}
    rows: Any = [
        SimpleNamespace(
            dataset="news", task="IT2T", linker="GEMEL", poison=poison, accuracy=share, ci_low=share - 0.1, ci_high=share + 0.2
        )
        for poison, share in shares.items()
    ]
    report: Any = SimpleNamespace(summaries=rows)
    svg = rate_plot(report, by_records.grid.poisons, "record_rate", by_records.published)
    assert svg is not None
    assert "the paper, WikiDiverse" in svg
    axis = MagicMock()
    monkeypatch.setattr("robustmel.experiments.rate_plot.panels", lambda rows, width, draw: draw(axis, rows))
    rate_plot(report, by_records.grid.poisons, "record_rate", by_records.published)
    (places, heights), told = axis.errorbar.call_args
    assert (places, heights) == ([0, 10, 40], [80, 70, 50])
    assert told["yerr"] == [pytest.approx([10] * 3), pytest.approx([20] * 3)]
    assert axis.plot.call_args.args == ((0, 10, 20, 30, 40), (82.4, 75.6, 75.5, 72.2, 71.9))
    rate_plot(report, by_words.grid.poisons, "edit_rate", by_words.published)
    assert axis.errorbar.call_args.args == ([0, 20], [80, 60])


def test_the_published_figures_are_the_paper_s() -> None:
    tables = {table.name: table.published for table in read_experiment("poisoning-ablations").tables}
    assert ("WikiDiverse", "with prefix tree", "82.4") in tables["prefix-tree"]
    assert ("WikiMEL", "unpopular (3 or fewer)", "74.7") in tables["popularity"]
    if not PAPER.is_file():
        pytest.skip("the paper's own table is not in the shared folder")
    own = {(row["dataset"], row["condition"], row["accuracy"]) for row in csv.DictReader(PAPER.open())}
    assert {row for rows in tables.values() for row in rows} <= own


def test_an_unknown_experiment_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="poisoning-ablations"):
        read_experiment("poisoning-ablation")


def test_a_table_is_printed_with_intervals_differences_and_the_paper_s_figures(tmp_path: Path) -> None:
    experiment = read_experiment("poisoning-ablations", quick=True)
    table = experiment.tables[0]
    copies = tuple(Component("copy-surface", label=label) for label in ("one copy", "another"))
    grid = replace(table.grid, linkers=copies, trained={}, limit=20)
    printed = list(
        reproduce(replace(experiment, tables=(replace(table, grid=grid),)), tmp_path / "out", tmp_path / "store", 1, "cpu")
    )
    assert len(printed) == 2
    text, scale = printed
    assert "| world-news | one copy | IT2T | " in text
    assert "- world-news, IT2T, one copy against another: " in text
    assert "| WikiDiverse | with prefix tree    | 82.4     |" in text
    assert "[" in text.split("| one copy ")[1].splitlines()[0]
    assert "embedded world" in scale


def test_memory_or_linking_says_what_made_up_names_cost(tmp_path: Path) -> None:
    """A copy of the mention loses nothing: names are made up in texts and knowledge base alike."""
    experiment = read_experiment("poisoning-ablations", quick=True)
    table = next(table for table in experiment.tables if table.name == "memory-or-linking")
    grid = replace(table.grid, linkers=(Component("copy-surface"),), trained={}, limit=40)
    text, _ = reproduce(
        replace(experiment, tables=(replace(table, grid=grid),)), tmp_path / "out", tmp_path / "store", 1, "cpu"
    )
    line = next(
        line for line in text.splitlines() if line.startswith("- world-news, IT2T, copy-surface against names made up: ")
    )
    assert "0.0 points" in line or "no difference" in line
