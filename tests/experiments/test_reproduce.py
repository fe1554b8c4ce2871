"""Experiments are grids that can be planned, and their figures are those of the paper."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from robustmel.errors import UsageError
from robustmel.experiments.reproduce import experiments, read_experiment, reproduce
from robustmel.registry import Component
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.store import Store

PAPER = Path(__file__).parents[3] / "shared" / "papers" / "poisoning.csv"


@pytest.mark.parametrize("name", experiments())
def test_every_table_can_be_planned(name: str, tmp_path: Path) -> None:
    for table in read_experiment(name, quick=True).tables:
        plan = expand(table.grid, Builder(Store(tmp_path / "store")))
        assert plan.jobs, table.name


def test_the_full_experiment_has_ten_paired_seeds_where_conditions_differ_in_what_the_mapper_learns() -> None:
    seeds = {table.name: len(table.grid.seeds) for table in read_experiment("poisoning-ablations").tables}
    assert seeds.pop("demonstrations") == 3  # these share their mappers
    assert set(seeds.values()) == {10}


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
