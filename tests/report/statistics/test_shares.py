from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, stats

from robustmel.report.statistics import interval


def alone(count: int) -> np.ndarray:
    return np.arange(count)


def test_the_interval_is_the_same_every_time() -> None:
    credit = np.random.default_rng(1).integers(0, 2, (2, 40)).astype(float)
    assert interval(credit, alone(40)) == interval(credit, alone(40))


def test_without_clusters_the_interval_is_the_textbook_one_on_log_odds() -> None:
    """A logistic regression on the intercept alone, and its standard error; Student's t is nearly normal at 200."""
    credit = np.zeros((1, 200))
    credit[0, :60] = 1
    fit = sm.Logit(credit[0], np.ones(200)).fit(disp=0)
    found = interval(credit, alone(200))
    assert found is not None
    assert found == pytest.approx(stats.logistic.cdf(fit.conf_int()[0]), abs=0.002)


def test_bounds_are_asymmetric_near_the_ends_and_stay_within() -> None:
    credit = np.ones((1, 60))
    credit[0, 0] = 0
    found = interval(credit, alone(60))
    assert found is not None
    assert 0 < found.low < credit.mean() < found.high < 1
    assert credit.mean() - found.low > 3 * (found.high - credit.mean())


def test_where_every_cluster_says_the_same_the_interval_is_not_of_no_width() -> None:
    found = interval(np.full((1, 40), 0.5), np.repeat(np.arange(20), 2))
    assert found is not None
    assert 0 < found.low < 0.42 < 0.58 < found.high < 1


def test_clusters_widen_the_interval_as_the_cluster_robust_standard_error_says() -> None:
    generator = np.random.default_rng(3)
    sizes = generator.integers(1, 9, 150)
    cluster = np.repeat(np.arange(150), sizes)
    chance = np.repeat(generator.beta(1, 1, 150), sizes)
    credit = (generator.random(len(cluster)) < chance).astype(float)
    fit = sm.OLS(credit, np.ones(len(credit))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    found = interval(credit[None], cluster)
    assert found is not None
    assert (found.high - found.low) / (2 * 1.96) == pytest.approx(fit.bse[0], rel=0.05)
    apart = interval(credit[None], alone(len(credit)))
    assert apart is not None
    assert found.high - found.low > 1.3 * (apart.high - apart.low)


def test_where_only_seeds_differ_the_interval_is_the_t_interval_of_their_means() -> None:
    """All mentions of a seed earn alike, so clusters have no part in the variance."""
    shares = np.array([0.4, 0.5, 0.55, 0.65])
    credit = np.repeat(shares[:, None], 400, axis=1)
    found = interval(credit, alone(400))
    assert found is not None
    odds = np.log(shares.mean() / (1 - shares.mean()))
    error = stats.sem(shares) / (shares.mean() * (1 - shares.mean()))
    low, high = stats.t.interval(0.95, len(shares) - 1, odds, error)
    assert found == pytest.approx((1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high))), rel=1e-6)


def test_seeds_that_agree_change_nothing() -> None:
    credit = np.random.default_rng(5).integers(0, 2, (1, 90)).astype(float)
    groups = np.repeat(np.arange(30), 3)
    assert interval(np.repeat(credit, 4, axis=0), groups) == pytest.approx(interval(credit, groups), rel=1e-12)


@pytest.mark.parametrize("right", [0, 1])
def test_where_all_are_alike_the_bound_is_the_exact_binomial_one_over_clusters(right: int) -> None:
    found = interval(np.full((1, 60), float(right)), np.repeat(np.arange(30), 2))
    expected = stats.binomtest(30 * right, 30).proportion_ci(0.95, "exact")
    assert found == pytest.approx((expected.low, expected.high))


def test_with_clusters_of_several_sizes_the_bound_is_the_worst_that_any_chances_allow() -> None:
    """Against a search over the chance that each cluster fails, such that none is seen to fail in 1 of 40 samples."""
    sizes = np.array([6.0, 3.0, 2.0, 1.0, 1.0])
    worst = optimize.minimize(
        lambda chances: -float(sizes @ chances / sizes.sum()), np.full(5, 0.3), bounds=[(0, 0.999)] * 5,
        constraints={"type": "ineq", "fun": lambda chances: float(np.log1p(-chances).sum() - np.log(0.025))}, tol=1e-12,
    )  # fmt: skip
    cluster = np.repeat(np.arange(5), sizes.astype(int))
    found = interval(np.ones((1, 13)), cluster)
    assert found is not None
    assert 1 - found.low == pytest.approx(-worst.fun, abs=1e-5)


def test_one_cluster_that_is_nearly_everything_leaves_nothing_to_be_sure_of() -> None:
    found = interval(np.ones((1, 1000)), np.repeat([0, 1], [999, 1]))
    assert found is not None
    assert found.low < 0.03


def test_no_interval_comes_from_no_mentions_or_from_one_cluster() -> None:
    assert interval(np.zeros((1, 0)), alone(0)) is None
    assert interval(np.array([[1.0, 0.0]]), np.array([0, 0])) is None
