from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from robustmel.report.statistics import EXACT, FLIPS, holm, paired_test


def alone(count: int) -> np.ndarray:
    return np.arange(count)


def test_single_mentions_give_the_exact_sign_test() -> None:
    clean = np.ones((1, 20))
    attacked = clean.copy()
    attacked[0, :9] = 0
    clean[0, 9:11] = 0  # two that the attack made right
    assert paired_test(attacked, clean, alone(20)) == pytest.approx(stats.binomtest(9, 11).pvalue)


def test_the_test_agrees_with_flipping_every_cluster_by_hand() -> None:
    clean = np.array([[1, 1, 0, 1, 1, 0, 1, 1.0]])
    attacked = np.array([[0, 0, 1, 0, 1, 0, 0, 0.5]])
    cluster = np.array([0, 0, 0, 1, 2, 2, 3, 4])
    sums = [sum((attacked - clean)[0, cluster == one]) for one in range(5)]
    flipped = [
        abs(sum(sign * one for sign, one in zip(signs, sums, strict=True))) for signs in itertools.product((1, -1), repeat=5)
    ]
    assert paired_test(attacked, clean, cluster) == np.mean([one >= abs(sum(sums)) for one in flipped])


def test_many_clusters_are_sampled_close_to_the_exact_value() -> None:
    generator = np.random.default_rng(5)
    change = generator.normal(0.35, 1, 2 * EXACT)
    ours = paired_test(change[None], np.zeros((1, len(change))), alone(len(change)))
    theirs = stats.permutation_test(
        (change,), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=50_000, rng=1
    )
    assert ours == pytest.approx(theirs.pvalue, abs=0.015)


def test_nothing_changed_gives_one_and_no_mentions_nothing() -> None:
    assert paired_test(np.ones((1, 4)), np.ones((1, 4)), alone(4)) == 1.0
    assert paired_test(np.ones((1, 0)), np.ones((1, 0)), alone(0)) is None


@pytest.mark.parametrize("count", [0, 1, 7, 40])
def test_many_tests_are_adjusted_as_in_statsmodels(count: int) -> None:
    chances = (np.random.default_rng(count).random(count) ** 3).round(2).tolist()  # some of them equal
    expected = multipletests(chances, method="holm")[1] if chances else []
    assert holm(chances) == pytest.approx(list(expected))


def test_no_random_test_is_surer_than_its_patterns_allow() -> None:
    """Of sixty mentions that all change one way no drawn pattern reaches as far; the observed one is one of them."""
    assert paired_test(np.zeros((1, 60)), np.ones((1, 60)), alone(60)) == 1 / (1 + FLIPS)
