"""Planted truths: a defence that does nothing is broken as no defence is; a naive gradient is flagged where BPDA breaks through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from robustmel.errors import UsageError
from robustmel.report import build
from robustmel.report.build import Report
from robustmel.run.builder import Builder
from robustmel.run.expand import expand
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.stages.expectation import ExpectedObjective
from robustmel.run.store import Store
from robustmel.types import Query

LINKER = {"name": f"{Path(__file__).parent / 'colour_linker.py'}:ColourLinker", "label": "colours"}
PGD = {"name": "pgd", "eps": 0.6, "step_size": 0.1, "steps": 15, "label": "pgd"}
NAIVE = '''
from robustmel.defences.images.bit_depth import BitDepth


class Naive(BitDepth):
    """Bit depth whose gradient is the true one of a step function: zero. Source: none, a test."""

    def smooth(self, pixels, seeds):
        return pixels.detach() * 1.0
'''


def reported(data: Path, folder: Path, defences: list[Any], **attack: Any) -> Report:
    table = {"datasets": [{"name": "jsonl", "path": str(data)}], "linkers": [LINKER], "tasks": ["I2T"], "batch_size": 18}
    grid = parse_grid({**table, "attacks": [PGD | attack], "defences": defences})
    run_grid(grid, folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
    return build(folder / "out")


def test_bpda_breaks_what_a_naive_gradient_does_not_and_the_naive_one_is_flagged(colour_data: Path, tmp_path: Path) -> None:
    (tmp_path / "naive.py").write_text(NAIVE)
    naive = {"name": f"{tmp_path / 'naive.py'}:Naive", "bits": 3, "label": "naive"}
    same = {"name": "bit-depth", "bits": 8, "label": "no-op"}
    report = reported(colour_data, tmp_path, ["none", {"name": "bit-depth", "bits": 3}, naive, same])
    left = {row.defence: row.accuracy for row in report.summaries if row.attack == "pgd"}
    assert left["naive"] > left["bit-depth"] == 0.0
    assert left["no-op"] == left["none"]
    flagged = {flag.cell.defence for flag in report.flags if flag.code == "zero_gradients"}
    assert flagged == {"naive"}


def test_an_expectation_has_fresh_draws_that_no_neighbour_changes() -> None:
    queries = [Query(f"q{n}", "", "", None, None, ("a", "b"), seed=n) for n in range(3)]
    asked: list[list[int]] = []

    def objective_of(batch: Any) -> Any:
        asked.append([query.seed for query in batch])
        draws = [np.random.default_rng(query.seed).normal() for query in batch]
        return lambda pixels, rows=None: torch.tensor(draws)[:, None] + pixels.mean((1, 2, 3))[:, None] * torch.ones(1, 2)

    pixels = torch.zeros(3, 3, 2, 2)
    together, alone = (ExpectedObjective(objective_of, 4, part) for part in (queries, queries[1:2]))
    first, second = together(pixels), together(pixels)
    assert not torch.equal(first, second)
    assert torch.equal(first[1], alone(pixels[:1])[0])
    assert torch.equal(together(pixels[1:2], torch.tensor([1]))[0], (alone(pixels[:1]), alone(pixels[:1]))[1][0])
    of_the_second = [seeds[1] for seeds in asked if len(seeds) == 3]
    assert len(set(of_the_second)) == len(of_the_second) == 9  # its own seed, and eight draws
    many = ExpectedObjective(objective_of, 4000, queries[:1])(pixels[:1])
    assert abs(float(many[0, 0])) < 0.08  # the mean of a standard normal


def test_one_draw_of_a_random_source_is_remarked_upon_and_eot_has_a_key_where_it_matters(
    colour_data: Path, tmp_path: Path
) -> None:
    def plan(**attack: Any) -> Any:
        table = {"datasets": [{"name": "jsonl", "path": str(colour_data)}], "linkers": [LINKER], "tasks": ["I2T"]}
        grid = parse_grid({**table, "attacks": [PGD | attack], "defences": ["none", "random-resize"]})
        return expand(grid, Builder(Store(tmp_path)))

    def keys(of: Any) -> dict[str, str]:
        return {
            cell.cell.defence: cell.evaluations[0].variant.key for cell in of.cells if cell.evaluations[0].variant is not None
        }

    one, ten = plan(), plan(eot=10)
    assert [note for note in one.notes if "one draw of colours behind random-resize" in note]
    assert not [note for note in ten.notes if "one draw" in note]
    assert keys(one)["none"] == keys(ten)["none"]
    assert keys(one)["random-resize"] != keys(ten)["random-resize"]
    with pytest.raises(UsageError, match="eot"):
        plan(eot=0)
