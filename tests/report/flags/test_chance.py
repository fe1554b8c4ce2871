from __future__ import annotations

from math import comb
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from robustmel.report.flags.chance import LEAST, LEVEL, OneSidedComparison, beyond_chance, detectable_difference, one_sided


def comparison(difference: Any, clusters: Any = None) -> OneSidedComparison:
    numbers = np.arange(len(difference)) if clusters is None else clusters
    return OneSidedComparison("above_clean", cast(Any, SimpleNamespace(clusters=numbers)), np.asarray(difference, float), "")


@pytest.mark.parametrize(("up", "down"), [(3, 0), (8, 2), (10, 4), (5, 5)])
def test_with_changes_of_one_size_it_is_the_sign_test(up: int, down: int) -> None:
    expected = sum(comb(up + down, k) for k in range(up, up + down + 1)) / 2 ** (up + down)
    found = one_sided(np.array([1.0] * up + [-1.0] * down + [0.0] * 20), np.arange(up + down + 20))
    assert found == pytest.approx(expected if up > down else 1.0)


def test_what_points_the_other_way_is_no_evidence() -> None:
    assert one_sided(np.array([-1.0] * 30), np.arange(30)) == 1.0


def test_mentions_of_one_entity_count_once() -> None:
    assert one_sided(np.ones(40), np.zeros(40, dtype=np.int64)) == 0.5


@pytest.mark.parametrize("count", [30, 60])
def test_beyond_what_random_signs_reach_the_bound_is_kept(count: int) -> None:
    found = one_sided(np.ones(count), np.arange(count))
    assert 0.5**count <= found < 1e-4


def test_what_is_picked_is_what_holms_procedure_picks() -> None:
    draw = np.random.default_rng(0)
    compared = [comparison(draw.choice([-1.0, 0.0, 1.0], size=12, p=[0.1, 0.1, 0.8])) for _ in range(12)]
    chances = [one_sided(one.difference, one.row.clusters) for one in compared]
    expected = multipletests(chances, alpha=LEVEL, method="holm")[0]
    assert 0 < expected.sum() < 12
    assert [any(one is other for other in beyond_chance(compared)) for one in compared] == expected.tolist()


def test_a_difference_too_small_to_matter_is_not_picked_however_sure() -> None:
    many = round(30 / LEAST)
    sure = np.zeros(many)
    sure[:29] = 1.0
    assert beyond_chance([comparison(sure)]) == []
    sure[:31] = 1.0
    assert len(beyond_chance([comparison(sure)])) == 1


@pytest.mark.parametrize("cells", [6, 12, 40])
def test_where_nothing_is_wrong_few_reports_have_any_flag(cells: int) -> None:
    draw = np.random.default_rng(cells)
    reports = 200
    false = sum(
        bool(beyond_chance([comparison(draw.choice([-1.0, 0.0, 1.0], size=10)) for _ in range(cells)])) for _ in range(reports)
    )
    assert false <= LEVEL * reports + 2 * (LEVEL * (1 - LEVEL) * reports) ** 0.5


@pytest.mark.parametrize(("mentions", "number"), [(32, 3), (32, 30), (200, 12)])
def test_what_could_have_been_seen_is_the_least_difference_that_is_picked_among_so_many(mentions: int, number: int) -> None:
    least = round(detectable_difference(np.arange(mentions), number) * mentions)
    for changed, seen in ((least, True), (least - 1, False)):
        shown = comparison([1.0] * changed + [0.0] * (mentions - changed))
        picked = beyond_chance([shown, *(comparison(np.zeros(mentions)) for _ in range(number - 1))])
        assert bool(picked) == seen


def test_with_few_groups_nothing_could_have_been_seen() -> None:
    assert detectable_difference(np.repeat([0, 1, 2], 10), 4) == 1.0
