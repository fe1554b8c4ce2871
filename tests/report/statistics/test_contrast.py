from __future__ import annotations

import numpy as np
import pytest
import statsmodels.api as sm
from statsmodels.stats.weightstats import DescrStatsW

from robustmel.report.statistics import Contrast, contrast, interval


def two_systems(clusters: int = 200, seed: int = 0, drop: float = 0.3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Clean and attacked credit that go together, in clusters of one to six mentions."""
    generator = np.random.default_rng(seed)
    cluster = np.repeat(np.arange(clusters), generator.integers(1, 7, clusters))
    chance = generator.beta(2, 2, clusters)[cluster]
    clean = (generator.random(len(cluster)) < chance).astype(float)
    attacked = np.where(generator.random(len(cluster)) < drop, 0.0, clean)
    return clean[None], attacked[None], cluster


def made(plus: list[np.ndarray], minus: list[np.ndarray], cluster: np.ndarray) -> Contrast:
    found = contrast(plus, minus, cluster)
    assert found is not None
    return found


def test_standard_errors_and_correlations_are_those_of_cluster_robust_regression() -> None:
    clean, attacked, cluster = two_systems()
    found = made([clean], [attacked], cluster)
    assert found.spread is not None
    for weights, values in (([1.0, 0.0], clean), ([0.0, 1.0], attacked), ([1.0, -1.0], clean - attacked)):
        fit = sm.OLS(values[0], np.ones(len(cluster))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
        assert found.spread.of(np.array(weights)) == pytest.approx(fit.bse[0], rel=0.03)


def test_with_clusters_of_one_size_the_standard_error_is_exactly_the_regression_s() -> None:
    generator = np.random.default_rng(2)
    cluster = np.repeat(np.arange(9), 4)
    values = (generator.random(36) < generator.random(9)[cluster]).astype(float)
    fit = sm.OLS(values, np.ones(36)).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    found = made([values[None]], [], cluster)
    assert found.spread is not None
    assert found.spread.of(np.ones(1)) == pytest.approx(fit.bse[0], rel=1e-9)
    assert found.spread.degrees == pytest.approx([8.0])


def test_the_interval_of_a_drop_is_the_regression_s_where_there_are_many_clusters() -> None:
    clean, attacked, cluster = two_systems(800)
    fit = sm.OLS((clean - attacked)[0], np.ones(len(cluster))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    assert made([clean], [attacked], cluster).interval() == pytest.approx(tuple(fit.conf_int()[0]), abs=0.004)


def test_the_interval_of_a_difference_in_differences_is_the_interaction_s() -> None:
    """Four cells stacked: the coefficient of defended x attacked in a regression with clustered errors."""
    clean, attacked, cluster = two_systems(600, seed=1, drop=0.4)
    defended_clean, defended_attacked, _ = two_systems(600, seed=1, drop=0.1)
    outcome = np.concatenate([one[0] for one in (clean, attacked, defended_clean, defended_attacked)])
    is_defended, is_attacked = (np.repeat(flags, len(cluster)) for flags in ([0, 0, 1, 1], [0, 1, 0, 1]))
    design = np.column_stack([np.ones(len(outcome)), is_defended, is_attacked, is_defended * is_attacked])
    fit = sm.OLS(outcome, design).fit(cov_type="cluster", cov_kwds={"groups": np.tile(cluster, 4)})
    found = made([clean, defended_attacked], [attacked, defended_clean], cluster)
    assert found.value == pytest.approx(fit.params[3])
    assert found.interval() == pytest.approx(tuple(fit.conf_int()[3]), abs=0.006)


def test_a_contrast_of_one_share_is_its_interval() -> None:
    clean, _, cluster = two_systems(25)
    assert made([clean], [], cluster).interval() == pytest.approx(interval(clean, cluster))


def test_swapping_the_sides_mirrors_the_interval() -> None:
    clean, attacked, cluster = two_systems(15)
    there, back = made([clean], [attacked], cluster).interval(), made([attacked], [clean], cluster).interval()
    assert there is not None
    assert back is not None
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_nothing_changed_is_no_proof_that_nothing_can() -> None:
    """With C clusters of which none changed, the share that does is at most 1 - 0.025^(1/C)."""
    cluster = np.repeat(np.arange(40), 3)
    clean = (np.random.default_rng(0).random((1, 120)) < 0.5).astype(float)
    reach = 1 - 0.025 ** (1 / 40)
    assert made([clean], [clean], cluster).interval() == pytest.approx((-reach, reach))


@pytest.mark.parametrize("count", [10, 100])
def test_nothing_to_compare_gives_no_contrast_and_one_cluster_no_interval(count: int) -> None:
    empty = np.zeros((1, 0))
    assert contrast([empty], [empty], np.arange(0)) is None
    one = made([np.ones((1, count))], [np.zeros((1, count))], np.zeros(count, dtype=np.int64))
    assert (one.value, one.interval(), one.equivalence()) == (1.0, None, None)


def test_seeds_stand_beside_one_another_and_a_single_clean_run_beside_each() -> None:
    clean, attacked, cluster = two_systems(60)
    both = made([clean], [np.concatenate([attacked, attacked])], cluster).interval()
    assert both == pytest.approx(made([clean], [attacked], cluster).interval(), abs=0.01)
    three, two = np.repeat(clean, 3, axis=0), np.repeat(attacked, 2, axis=0)
    assert made([three], [two], cluster).interval() == pytest.approx(made([clean], [attacked], cluster).interval())


def test_equivalence_is_the_two_one_sided_t_tests() -> None:
    """Shares far from 0 and 1 and many single mentions: there the t test holds."""
    generator = np.random.default_rng(4)
    before = (generator.random((1, 2000)) < 0.5).astype(float)
    flipped = generator.random((1, 2000)) < 0.2
    after = np.where(flipped, 1 - before, before)
    found = made([before], [after], np.arange(2000))
    reference = DescrStatsW((before - after)[0])
    for margin in (0.01, 0.02, 0.03):
        expected = reference.ttost_mean(-margin, margin)[0]
        assert found.equivalence(margin) == pytest.approx(min(expected, 0.5), abs=0.015)


def test_equivalent_means_that_the_ninety_percent_interval_lies_within_the_margin() -> None:
    for seed in range(6):
        clean, attacked, cluster = two_systems(300, seed, drop=0.01 * seed)
        found = made([clean], [attacked], cluster)
        bounds = found.interval(0.9)
        assert bounds is not None
        inside = max(-bounds.low, bounds.high) < 0.03
        assert ((found.equivalence(0.03) or 0) <= 0.05) == inside
