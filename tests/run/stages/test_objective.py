from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.special import log_softmax
from tests.pretended_device import pretended_device
from torch import Tensor

from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.pgd import PGD
from robustmel.errors import RobustMELError, UsageError
from robustmel.run.stages.objective import EnsembleObjective, GuardedObjective, LinkerObjective, objective_of
from robustmel.types import Query, Task

QUERIES = [Query(str(number), "", "", None, None, ("x", "y", "z")) for number in range(5)]


class Flat:
    """Scores linear in the pixels; the last candidate of odd queries is absent."""

    def __init__(self, seed: int, logit_scale: float) -> None:
        self.weights = torch.randn(3 * 4 * 4, 3, generator=torch.Generator().manual_seed(seed))
        self.logit_scale = logit_scale

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        scores = pixels.flatten(1) @ self.weights
        odd = torch.tensor([int(query.id) % 2 == 1 for query in queries])
        return scores.masked_fill(odd[:, None] & (torch.arange(3) == 2), -torch.inf)


def pictures() -> Tensor:
    return torch.rand(5, 3, 4, 4, generator=torch.Generator().manual_seed(9))


def test_scores_are_the_mean_log_probability_after_each_temperature_but_for_a_constant() -> None:
    linkers = [Flat(0, 2.0), Flat(1, 5.0), Flat(2, 0.5)]
    found = EnsembleObjective(linkers, "I2T", "scaled", QUERIES)(pictures()).log_softmax(1)
    chances = [log_softmax(one.logit_scale * one.logits(pictures(), QUERIES).double().numpy(), 1) for one in linkers]
    wanted = log_softmax(np.mean(chances, 0), 1)  # which takes away the constant that is left open
    assert torch.equal(found.isfinite(), torch.from_numpy(np.isfinite(wanted)))
    assert np.allclose(np.where(np.isfinite(wanted), found, 0), np.where(np.isfinite(wanted), wanted, 0), atol=1e-5)


def test_cosines_have_one_linker_s_size() -> None:
    linkers = [Flat(0, 2.0), Flat(1, 6.0)]
    scaled, cosine = (EnsembleObjective(linkers, "I2T", how, QUERIES)(pictures()) for how in ("scaled", "cosine"))
    assert torch.allclose(cosine * 4.0, scaled)


@pytest.mark.parametrize("logits", ["cosine", "scaled"])
def test_copies_of_a_linker_are_attacked_as_the_linker(logits: str) -> None:
    linker, gold = Flat(3, 7.0), torch.tensor([0, 1, 0, 1, 0])
    attack = PGD(eps=0.05, step_size=0.02, steps=5, on_failure="last")

    def perturbed(objective: Any) -> Tensor:
        return attack.perturb(pictures(), objective, gold, ItemNoise(range(5), (3, 4, 4))).pixels

    alone = perturbed(LinkerObjective(linker, "I2T", logits, QUERIES))
    assert torch.allclose(perturbed(EnsembleObjective([linker, linker], "I2T", logits, QUERIES)), alone, atol=1e-6)


def test_rows_name_the_images_that_are_left() -> None:
    objective = EnsembleObjective([Flat(0, 1.0), Flat(1, 1.0)], "I2T", "cosine", QUERIES)
    rows = torch.tensor([3, 1])
    assert torch.equal(objective(pictures()[rows], rows), objective(pictures())[rows])


def test_the_gradient_is_a_number_where_candidates_are_absent() -> None:
    pixels = pictures().requires_grad_()
    EnsembleObjective([Flat(0, 50.0), Flat(1, 1.0)], "I2T", "cosine", QUERIES)(pixels)[:, 0].sum().backward()  # type: ignore[no-untyped-call]
    assert pixels.grad is not None
    assert bool(pixels.grad.isfinite().all())
    assert bool((pixels.grad.flatten(1).abs().amax(1) > 0).all())


def test_one_source_is_no_ensemble() -> None:
    linker = Flat(0, 3.0)
    assert torch.equal(objective_of([linker], "I2T", "cosine", QUERIES)(pictures()), linker.logits(pictures(), QUERIES))


class Raises:
    """Raises at pictures whose first pixel is bright, whatever else is in the batch; other scores are their means."""

    def __init__(self, problem: Exception) -> None:
        self.problem = problem

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        if bool((pixels[:, 0, 0, 0] > 0.9).any()):
            raise self.problem
        means = pixels.mean((1, 2, 3))
        return torch.stack([means, 1 - means, 2 * means], 1)[:, : 2 + len(pixels) % 2]


def bright(*which: int, count: int = 5) -> Tensor:
    pixels = torch.full((count, 3, 2, 2), 0.25)
    pixels[list(which), 0, 0, 0] = 1.0
    return pixels


def test_where_a_linker_raises_its_row_alone_has_no_numbers() -> None:
    guarded = GuardedObjective(Raises(ValueError("too bright")), torch.zeros(5, dtype=torch.long))
    pixels = bright(1, 4).requires_grad_()
    scores = guarded(pixels)
    assert scores.isnan().any(1).tolist() == [False, True, False, False, True]
    assert guarded.problems == {1: "ValueError: too bright", 4: "ValueError: too bright"}
    scores[0].nansum().backward()
    assert pixels.grad is not None
    assert bool(pixels.grad[0].any())
    assert guarded(bright(0, count=2), torch.tensor([3, 2])).isnan().any(1).tolist() == [True, False]
    assert list(guarded.problems) == [1, 4, 3]


@pytest.mark.parametrize(
    "problem", [MemoryError(), torch.OutOfMemoryError(), OSError(28, "No space left on device"), UsageError("no such device.")]
)
def test_what_is_no_fault_of_a_picture_goes_on(problem: Exception) -> None:
    with pytest.raises(type(problem)):
        GuardedObjective(Raises(problem), torch.zeros(5, dtype=torch.long))(bright(1))


@pytest.mark.parametrize("problem", [ConnectionError("away"), TimeoutError("late")])
def test_a_service_that_is_away_is_a_failure_of_the_row(problem: Exception) -> None:
    guarded = GuardedObjective(Raises(problem), torch.zeros(5, dtype=torch.long))
    assert guarded(bright(1)).isnan().any(1).tolist() == [False, True, False, False, False]


def test_a_linker_on_another_device_that_does_not_say_so_can_be_attacked() -> None:
    class Away(Flat):
        def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
            return super().logits(pixels, queries, task).to(device)

    gold, made = torch.tensor([0, 1, 0, 1, 0]), []
    with pretended_device() as device:
        for linker in (Flat(3, 7.0), Away(3, 7.0)):
            objective = GuardedObjective(LinkerObjective(linker, "I2T", "scaled", QUERIES), gold)
            attack = PGD(eps=0.05, step_size=0.02, steps=2)
            made.append(attack.perturb(pictures(), objective, gold, ItemNoise(range(5), (3, 4, 4))).pixels)
    assert torch.equal(*made)


@pytest.mark.parametrize(
    ("handed_back", "named"),
    [
        (torch.zeros(5), r"one of shape \(5,\)"), (torch.zeros(5, 2), r"one of shape \(5, 2\)"), (torch.zeros(4, 3), r"\(4, 3\)"),
        (torch.zeros(5, 4), r"\(5, 4\)"), (np.zeros((5, 3)), "a ndarray"), (None, "a NoneType"), (torch.tensor(1.0), r"\(\)"),
    ],
)  # fmt: skip
def test_scores_of_another_shape_end_the_run_in_a_sentence(handed_back: Any, named: str) -> None:
    class Odd(Flat):
        def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
            made: Tensor = handed_back
            return made

    wanted = rf"linker Odd: logits must give a tensor .* \(5, 3\) here, not (one of shape )?{named}"
    with pytest.raises(RobustMELError, match=wanted):
        GuardedObjective(LinkerObjective(Odd(0, 1.0), "I2T", "cosine", QUERIES), torch.zeros(5).long())(pictures())
