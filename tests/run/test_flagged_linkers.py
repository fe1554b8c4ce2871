from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from robustmel.report import build
from robustmel.report.build import Report
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store

LINKERS = Path(__file__).parent / "masked_linkers.py"
ATTACKS = ["clean", {"name": "pgd", "eps": 0.1, "step_size": 0.02, "steps": 8, "label": "pgd"}, {"name": "noise", "eps": 0.1}]


def reported(name: str, data: Path, folder: Path) -> Report:
    table = {
        "datasets": [{"name": "jsonl", "path": str(data)}],
        "linkers": [{"name": f"{LINKERS}:{name}", "label": name}],
        "tasks": ["I2T"],
        "attacks": ATTACKS,
        "batch_size": 8,
    }
    run_grid(parse_grid(table), folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
    return build(folder / "out")


@pytest.mark.parametrize(
    ("linker", "expected"),
    [
        ("Honest", set()),
        ("Detached", {"zero_gradients"}),
        ("Numpy", {"zero_gradients"}),
        ("EightBit", {"zero_gradients"}),
        ("Saturated", {"zero_gradients", "probabilities"}),
        ("Steep", {"loss_plateau", "probabilities"}),
        ("Mirrored", {"misleading_gradients", "loss_plateau"}),
        ("Failing", {"failed_attacks"}),
        ("Dropped", {"nondeterministic"}),
        ("Voting", {"nondeterministic"}),
    ],
)
def test_who_only_looks_robust_is_flagged_and_who_is_honest_is_not(
    linker: str, expected: set[str], colour_data: Path, tmp_path: Path
) -> None:
    report = reported(linker, colour_data, tmp_path)
    assert {flag.code for flag in report.flags} == expected
    assert any("model.eval()" in flag.sentence for flag in report.flags) == (linker == "Dropped")


def test_the_first_batch_is_scored_twice_and_the_course_of_the_attack_is_kept(colour_data: Path, tmp_path: Path) -> None:
    report = reported("Honest", colour_data, tmp_path)
    cell = next(cell for cell in report.run.cells if cell.attack == "pgd")
    (view,) = cell.evaluations
    log = report.run.log(cell, view)
    assert sorted((one["deterministic"] for one in log), key=str) == [None] * 12 + [True] * 6
    assert all(one["margin_first"] <= one["margin_best"] and one["loss_first"] <= one["loss_best"] for one in log)
    withstood = [one for one in log if not one["succeeded"]]
    assert withstood
    assert all(one["margin_first"] < 0 for one in withstood)
    noise = next(cell for cell in report.run.cells if cell.attack_name == "noise")
    assert all(
        one["deterministic"] is None and one["loss_first"] is None for one in report.run.log(noise, noise.evaluations[0])
    )


def test_a_log_from_before_these_columns_is_read(colour_data: Path, tmp_path: Path) -> None:
    report = reported("Detached", colour_data, tmp_path)
    for path in (tmp_path / "store" / "variant").rglob("log.parquet"):
        newer = ["deterministic", "loss_first", "loss_best", "margin_first", "margin_best"]
        pq.write_table(pq.read_table(path).drop_columns(newer), path)
    again = build(tmp_path / "out")
    assert {flag.code for flag in again.flags} == {"zero_gradients"}
    assert [one.accuracy for one in again.summaries] == [one.accuracy for one in report.summaries]
