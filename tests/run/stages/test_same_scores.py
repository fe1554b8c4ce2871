from __future__ import annotations

import torch
from torch import Tensor

from robustmel.run.stages.probes import same_twice


class Told:
    """Gives what it is told, call by call."""

    def __init__(self, *scores: Tensor) -> None:
        self.scores = list(scores)

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        return self.scores.pop(0)


def same(once: list[list[float]], again: list[list[float]]) -> list[bool]:
    found: list[bool] = same_twice(Told(torch.tensor(once), torch.tensor(again)), torch.zeros(len(once), 3, 1, 1)).tolist()
    return found


def test_each_image_is_judged_by_the_spread_of_its_own_scores() -> None:
    assert same([[0.0, 1.0], [0.0, 1000.0]], [[0.0, 1.001], [0.0, 1000.001]]) == [False, True]


def test_last_bits_do_not_count_also_where_all_scores_are_alike() -> None:
    assert same([[0.3, 0.3 + 1e-5], [100.0, 100.0]], [[0.3 + 1e-7, 0.3 + 1e-5], [100.00001, 100.0]]) == [True, True]


def test_absent_candidates_play_no_part_and_must_stay_absent() -> None:
    low = -torch.inf
    assert same([[0.0, 1.0, low], [0.0, 1.0, low]], [[0.0, 1.0, low], [0.0, 1.0, 2.0]]) == [True, False]


def test_scores_that_are_no_numbers_are_alike() -> None:
    assert same([[torch.nan, torch.nan]], [[torch.nan, torch.nan]]) == [True]
