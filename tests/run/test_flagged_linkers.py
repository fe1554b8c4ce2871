from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from robustmel.report import build
from robustmel.report.build import Report
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.store import Store, write_manifest

LINKERS = Path(__file__).parent / "masked_linkers.py"
ATTACKS = ["clean", {"name": "pgd", "eps": 0.1, "step_size": 0.02, "steps": 8, "label": "pgd"}, {"name": "noise", "eps": 0.1}]


def reported(name: str, data: Path, folder: Path, attacks: Sequence[Any] = ATTACKS) -> Report:
    table = {
        "datasets": [{"name": "jsonl", "path": str(data)}],
        "linkers": [{"name": f"{LINKERS}:{name}", "label": name}],
        "tasks": ["I2T"],
        "attacks": list(attacks),
        "batch_size": 8,
    }
    run_grid(parse_grid(table), folder / "out", Store(folder / "store"), 1, "cpu", ProgressListener())
    return build(folder / "out")


@pytest.fixture
def many_colours(tmp_path: Path) -> Path:
    """Forty mentions of forty entities, each a colour of its own among five; images of one size."""
    folder = tmp_path / "many"
    folder.mkdir()
    draw = np.random.default_rng(0)
    colours = draw.uniform(0.2, 0.8, (40, 3))
    names = [f"e{number}" for number in range(40)]
    mentions = []
    for number, name in enumerate(names):
        pixels = (colours[number] + draw.normal(0, 0.05, (8, 8, 3)) + draw.normal(0, 0.12, 3)).clip(0, 1)
        Image.fromarray((pixels * 255).round().astype(np.uint8)).save(folder / f"{number}.png")
        others = [names[(number + step) % 40] for step in range(1, 5)]
        mention = {"id": name, "gold": name, "surface": name, "text": name, "image": f"{number}.png", "split": "test"}
        mentions.append(mention | {"candidates": [name, *others]})
    entities = [
        {"id": name, "name": name, "description": " ".join(map(str, colour))}
        for name, colour in zip(names, colours, strict=True)
    ]
    for file, rows in (("mentions", mentions), ("entities", entities)):
        (folder / f"{file}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


IDLE = {"steps": 1, "step_size": 0.0001}
WEAK = {"name": "pgd", "eps": 0.3, "label": "pgd"} | IDLE


@pytest.mark.parametrize(
    ("code", "linker", "attacks"),
    [
        ("black_box_wins", "Honest", [WEAK, {"name": "square", "eps": 0.3, "queries": 150}]),
        ("black_box_wins", "Detached", [{"name": "autoattack", "eps": 0.2, "steps": 3, "targets": 1, "queries": 150}]),
        ("not_growing_with_eps", "Honest", [{"name": "pgd", "eps": 0.2, "step_size": 0.05, "steps": 8, "label": "small"}, WEAK]),
        ("not_growing_with_eps", "Honest", [WEAK]),
        (
            "strong_weaker_than_normal", "Honest",
            [{"name": "cw", "strength": "normal", "kappa": 0.01}, {"name": "cw", "strength": "strong", "steps": 1, "lr": 0.00001}],
        ),
        ("above_clean", "Contrary", [{"name": "pgd", "eps": "1/255", "step_size": "1/255", "steps": 1}]),
        ("rounding", "Fractional", [{"name": "pgd", "eps": "1/255", "step_size": 0.001, "steps": 8}]),
    ],
)  # fmt: skip
def test_every_kind_that_compares_rows_or_saved_images_is_raised_by_a_run(
    code: str, linker: str, attacks: list[Any], many_colours: Path, tmp_path: Path
) -> None:
    report = reported(linker, many_colours, tmp_path, ["clean", *attacks])
    assert code in {flag.code for flag in report.flags}, [(row.attack, row.accuracy) for row in report.summaries]


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
    log = list(report.run.log(cell, view))
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
        manifest = json.loads((path.parent / "manifest.json").read_text())
        write_manifest(path.parent, {name: manifest[name] for name in manifest.keys() - {"checksums", "content", "seal"}})
    again = build(tmp_path / "out")
    assert {flag.code for flag in again.flags} == {"zero_gradients"}
    assert [one.accuracy for one in again.summaries] == [one.accuracy for one in report.summaries]
