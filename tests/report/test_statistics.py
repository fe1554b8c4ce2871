from __future__ import annotations

import itertools

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from robustmel.report.statistics import EXACT, interval, paired_test


def alone(count: int) -> np.ndarray:
    return np.arange(count)


def test_the_interval_is_the_same_every_time() -> None:
    credit = np.random.default_rng(1).integers(0, 2, (2, 40)).astype(float)
    assert interval(credit, alone(40)) == interval(credit, alone(40))


def test_without_clusters_the_interval_is_the_binomial_one() -> None:
    """Resampling n independent mentions draws the number right from a binomial distribution: its quantiles are known."""
    credit = np.zeros((1, 200))
    credit[0, :60] = 1
    found = interval(credit, alone(200), draws=40_000)
    assert found is not None
    expected = stats.binom(200, 0.3).ppf([0.025, 0.975]) / 200
    assert found == pytest.approx(expected, abs=0.0051)


def test_clusters_widen_the_interval_as_the_cluster_robust_standard_error_says() -> None:
    generator = np.random.default_rng(3)
    sizes = generator.integers(1, 9, 150)
    cluster = np.repeat(np.arange(150), sizes)
    chance = np.repeat(generator.beta(1, 1, 150), sizes)
    credit = (generator.random(len(cluster)) < chance).astype(float)
    fit = sm.OLS(credit, np.ones(len(credit))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    found = interval(credit[None], cluster, draws=20_000)
    assert found is not None
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(fit.bse[0], rel=0.05)
    apart = interval(credit[None], alone(len(credit)))
    assert apart is not None
    assert found.high - found.low > 1.3 * (apart.high - apart.low)


def test_seeds_are_drawn_within_clusters() -> None:
    """One seed always right, one always wrong: the variance of a mean over C clusters of S drawn seeds is p(1-p) / (C S)."""
    credit = np.array([[1.0] * 100, [0.0] * 100])
    found = interval(credit, alone(100), draws=40_000)
    assert found is not None
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(np.sqrt(0.25 / 200), rel=0.05)


@pytest.mark.parametrize("right", [0, 1])
def test_where_all_are_alike_the_bound_is_the_exact_binomial_one_over_clusters(right: int) -> None:
    found = interval(np.full((1, 60), float(right)), np.repeat(np.arange(30), 2))
    expected = stats.binomtest(30 * right, 30).proportion_ci(0.95, "exact")
    assert found == pytest.approx((expected.low, expected.high))


def test_no_interval_comes_from_no_mentions_or_from_one_cluster() -> None:
    assert interval(np.zeros((1, 0)), alone(0)) is None
    assert interval(np.array([[1.0, 0.0]]), np.array([0, 0])) is None


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
