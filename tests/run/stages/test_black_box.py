from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.square import Square
from robustmel.datasets.jsonl import JSONL
from robustmel.errors import UsageError
from robustmel.registry import load_file_component
from robustmel.run.grid import parse_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import run_grid
from robustmel.run.stages.black_box import BlackBoxObjective, as_scores, in_single_precision
from robustmel.run.stages.objective import LinkerObjective, objective_of
from robustmel.run.store import Store
from robustmel.types import Prediction, Query

HERE = Path(__file__).parent.parent
WALLED = HERE / "walled_linkers.py"
INF = float("inf")


def walled(name: str, data: Path, **parameters: Any) -> Any:
    return load_file_component(f"{WALLED}:{name}")(JSONL(path=str(data)).load("test").kb, **parameters)


def batch(data: Path) -> tuple[list[Query], torch.Tensor]:
    """Six of the queries, and drawn images in place of theirs."""
    dataset = JSONL(path=str(data)).load("test")
    asked = [mention.query("colours", mention.candidates or ()) for mention in dataset.mentions[:6]]
    return asked, torch.rand(6, 3, 5, 7, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["ScoringLinker", "AnsweringLinker"])
@pytest.mark.parametrize("task", ["I2T", "IT2T"])
@pytest.mark.parametrize("rows", [None, [4, 1]])
def test_a_walled_linker_is_heard_as_its_own_logits_of_the_rounded_image(
    name: str, task: Any, rows: list[int] | None, colour_data: Path
) -> None:
    linker, (asked, pixels) = walled(name, colour_data), batch(colour_data)
    chosen = None if rows is None else torch.tensor(rows)
    pixels = pixels if rows is None else pixels[chosen]
    heard = objective_of([linker], task, "cosine", asked)(pixels, chosen)
    truth = LinkerObjective(linker.inner, task, "cosine", asked)((pixels * 255).round() / 255, chosen)
    assert torch.allclose(heard[:, : truth.shape[1]], truth, atol=1e-6)
    assert bool((heard[:, truth.shape[1] :] == -INF).all())
    assert not heard.requires_grad
    assert len({str(file) for file in linker.files}) == len(pixels)
    assert not any(file.exists() for file in linker.files)


def test_a_differentiable_linker_is_asked_with_pixels(colour_data: Path) -> None:
    asked, _ = batch(colour_data)
    inner = walled("ScoringLinker", colour_data).inner
    assert isinstance(objective_of([inner], "I2T", "cosine", asked), LinkerObjective)


def query(*candidates: str) -> Query:
    return Query("q", "", "", None, None, candidates)


@pytest.mark.parametrize(
    ("answer", "heard"),
    [
        (Prediction("q", ("b", "a", "c"), (3.0, 2.0, 1.0)), [2, 3, 1, -INF, -INF]),
        (Prediction("q", ("b",), (3.0,)), [2, 3, 2, -INF, -INF]),
        (Prediction("q", ("b", "a"), (3.0, -INF)), [2, 3, 2, -INF, -INF]),
        (Prediction("q"), [-1, -1, -1, -INF, 0]),
    ],
)
def test_what_an_answer_leaves_out_comes_after_what_it_names(answer: Prediction, heard: list[float]) -> None:
    other = replace(answer, ranked=("z",), scores=(1.0,))
    scores = as_scores([query("a", "b", "c"), query("w", "x", "y", "z")], [answer, other])
    assert scores[0].tolist() == heard
    assert scores[1].tolist() == [0, 0, 0, 1, -INF]


def test_an_error_is_no_answer_and_no_success(colour_data: Path) -> None:
    assert as_scores([query("a", "b")], [Prediction("q", error="no_image")]).isnan().all()

    def failing(pixels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
        return as_scores([query("a", "b")], [Prediction("q", error="no_image")])

    found = Square(queries=5).perturb(torch.rand(1, 3, 4, 4), failing, torch.tensor([0]), ItemNoise([0], (3, 4, 4)))
    assert not found.succeeded.any()
    assert "not finite" in found.note


def attacked(linker: Any, data: Path, **parameters: Any) -> list[bool]:
    asked, pixels = batch(data)
    objective = BlackBoxObjective(linker, "I2T", "cosine", asked)
    gold = objective(pixels)[:, :-1].argmax(1)
    found = Square(**parameters).perturb(pixels, objective, gold, ItemNoise(range(6), (3, 5, 7)))
    return [bool(one) for one in found.succeeded]


def test_the_best_candidate_alone_is_enough_to_be_fooled_by_chance_and_nil_is_no_right_answer(colour_data: Path) -> None:
    whole = attacked(walled("AnsweringLinker", colour_data), colour_data, eps=0.5, queries=60)
    assert sum(whole) >= 3
    best_alone = attacked(walled("AnsweringLinker", colour_data, at_most=1), colour_data, eps=0.5, queries=60)
    assert 0 < sum(best_alone) <= sum(whole)
    assert all(attacked(walled("AnsweringLinker", colour_data, least=INF), colour_data, eps=0.01, queries=1))


def grid(data: Path, linker: str, attack: dict[str, Any]) -> Any:
    return parse_grid(
        {
            "datasets": [{"name": "jsonl", "path": str(data)}],
            "linkers": [{"name": f"{WALLED}:{linker}", "label": "walled"}],
            "attacks": [attack],
            "limit": 6,
            "batch_size": 3,
        }
    )


@pytest.mark.parametrize("linker", ["ScoringLinker", "AnsweringLinker"])
def test_square_runs_where_gradients_are_refused(linker: str, colour_data: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='has none.*or use attack "square"'):
        run_grid(
            grid(colour_data, linker, {"name": "pgd"}), tmp_path / "no", Store(tmp_path / "s"), 1, "cpu", ProgressListener()
        )
    made = grid(colour_data, linker, {"name": "square", "eps": 0.9, "queries": 30})
    assert run_grid(made, tmp_path / "out", Store(tmp_path / "s"), 1, "cpu", ProgressListener()).errors == 0
    logs = [pq.read_table(path).to_pylist() for path in (tmp_path / "s" / "variant").glob("*/*/log.parquet")]
    assert len(logs) == 2  # the image's view and the fused one
    done = [row for log in logs for row in log if row["status"] == "ok"]
    assert sum(row["succeeded_u8"] for row in done) > len(done) / 4
    assert all(row["succeeded"] == row["succeeded_u8"] for row in done)
    assert all(1 <= row["queries"] <= 30 for row in done)
    assert all("PNG" in row["note"] for row in done)


@given(
    st.lists(st.floats(-1e300, 1e300, allow_subnormal=False), min_size=2, max_size=6, unique=True)
    | st.lists(st.integers(0, 50), min_size=2, max_size=6, unique=True).map(lambda steps: [1 + 1e-9 * step for step in steps])
)
def test_single_precision_keeps_the_order_of_scores_a_hair_apart_or_huge(values: list[float]) -> None:
    kept = in_single_precision(torch.tensor([[*values, -torch.inf]], dtype=torch.float64))[0]
    assert kept.dtype == torch.float32
    assert kept[-1] == -torch.inf
    assert bool(kept[:-1].isfinite().all())
    assert kept[np.argmax(values)] == kept[:-1].max()
    spread = max(values) - min(values)
    if spread < 1e-6:
        assert np.argsort(kept[:-1].numpy(), kind="stable").tolist() == np.argsort(values, kind="stable").tolist()


def test_scores_that_single_precision_tells_apart_are_left_alone() -> None:
    scores = torch.tensor([[0.25, 0.5, 0.25], [3.0, -1.0, -torch.inf]], dtype=torch.float64)
    assert torch.equal(in_single_precision(scores), scores.float())
    assert in_single_precision(torch.full((1, 2), torch.nan, dtype=torch.float64)).isnan().all()
