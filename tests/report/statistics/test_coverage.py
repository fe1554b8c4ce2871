"""How often intervals that say 95 % hold the truth, by drawing small samples of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from robustmel.report.statistics import contrast, interval

SAMPLES, DRAWS = 1000, 200
TOLERANCE = 0.035
"""What the method really lacks at worst (it covers 92 % and more of many samples), and chance: two standard errors of 1000 samples."""


def sample(generator: np.random.Generator, clusters: int, share: float, alike: float) -> tuple[np.ndarray, np.ndarray]:
    """Mentions right with a chance of their cluster's own; `alike` is the correlation of two mentions of a cluster."""
    cluster = np.repeat(np.arange(clusters), generator.integers(1, 7, clusters))
    chance = generator.beta(share * (1 / alike - 1), (1 - share) * (1 / alike - 1), clusters)[cluster]
    return (generator.random(len(cluster)) < chance).astype(float)[None], cluster


def coverage(truth: float, bounds: Callable[[np.random.Generator], tuple[float, float] | None]) -> float:
    generator = np.random.default_rng(7)
    found = [bounds(generator) for _ in range(SAMPLES)]
    return float(np.mean([one is not None and one[0] <= truth <= one[1] for one in found]))


@pytest.mark.parametrize("clusters", [6, 12, 30])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_few_clusters_get_intervals_of_the_coverage_they_state(clusters: int, share: float) -> None:
    held = coverage(share, lambda generator: interval(*sample(generator, clusters, share, 0.3), draws=DRAWS))
    assert held >= 0.95 - TOLERANCE


def test_the_percentiles_of_the_bootstrap_would_not() -> None:
    """Why they are not used: the same samples, percentile bounds."""

    def percentiles(generator: np.random.Generator) -> tuple[float, float]:
        credit, cluster = sample(generator, 6, 0.5, 0.3)
        totals, sizes = np.bincount(cluster, weights=credit[0]), np.bincount(cluster)
        drawn = generator.integers(0, 6, (DRAWS, 6))
        low, high = np.quantile(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
        return low, high

    assert coverage(0.5, percentiles) < 0.9


@pytest.mark.parametrize(("clusters", "broken"), [(6, 0.3), (12, 0.05), (12, 0.3), (30, 0.05)])
def test_drops_are_covered_also_where_few_mentions_change(clusters: int, broken: float) -> None:
    def drop(generator: np.random.Generator) -> tuple[float, float] | None:
        clean, cluster = sample(generator, clusters, 0.8, 0.3)
        attacked = np.where(generator.random(clean.shape) < broken, 0.0, clean)
        found = contrast([clean], [attacked], cluster, DRAWS)
        return found.interval() if found else None

    assert coverage(0.8 * broken, drop) >= 0.95 - TOLERANCE


def test_differences_in_differences_are_covered() -> None:
    def saved(generator: np.random.Generator) -> tuple[float, float] | None:
        clean, cluster = sample(generator, 10, 0.7, 0.3)
        defended = np.where(generator.random(clean.shape) < 0.1, 0.0, clean)
        attacked = np.where(generator.random(clean.shape) < 0.5, 0.0, clean)
        both = np.where(generator.random(clean.shape) < 0.2, 0.0, defended)
        found = contrast([clean, both], [attacked, defended], cluster, DRAWS)
        return found.interval() if found else None

    assert coverage(0.7 * (0.5 - 0.9 * 0.2), saved) >= 0.95 - TOLERANCE


def test_a_difference_of_the_margin_is_called_none_in_at_most_one_sample_of_twenty() -> None:
    generator = np.random.default_rng(3)
    called = 0
    for _ in range(SAMPLES // 2):
        clean, cluster = sample(generator, 100, 0.8, 0.3)
        attacked = np.where(generator.random(clean.shape) < 0.05 / 0.8, 0.0, clean)
        found = contrast([clean], [attacked], cluster, DRAWS)
        called += found is not None and (found.equivalence(0.05) or 0) <= 0.05
    assert called / (SAMPLES // 2) <= 0.05 + TOLERANCE


def crossed(generator: np.random.Generator, clusters: int, seeds: int) -> tuple[np.ndarray, np.ndarray]:
    """Every seed is right on a share of its own, every cluster on more or less than that."""
    cluster = np.repeat(np.arange(clusters), generator.integers(1, 4, clusters))
    of_cluster = generator.uniform(-0.2, 0.2, clusters)[cluster]
    of_seed = generator.uniform(-0.2, 0.2, (seeds, 1))
    return (generator.random((seeds, len(cluster))) < 0.6 + of_cluster + of_seed).astype(float), cluster


@pytest.mark.parametrize(("clusters", "seeds"), [(20, 3), (60, 3), (200, 5)])
def test_seeds_that_differ_are_covered_as_well_as_clusters(clusters: int, seeds: int) -> None:
    held = coverage(0.6, lambda generator: interval(*crossed(generator, clusters, seeds), draws=DRAWS))
    assert held >= 0.95 - TOLERANCE


def test_the_clusters_alone_would_not_cover_seeds_that_differ() -> None:
    """Why the variance between seeds is added: the same samples, their seeds averaged first."""

    def averaged(generator: np.random.Generator) -> tuple[float, float] | None:
        credit, cluster = crossed(generator, 200, 5)
        return interval(credit.mean(axis=0, keepdims=True), cluster, draws=DRAWS)

    assert coverage(0.6, averaged) < 0.8


def test_a_drop_between_seeds_that_differ_is_covered() -> None:
    """Both conditions share the seed's own share, which cancels; the attack's effect differs from seed to seed."""

    def drop(generator: np.random.Generator) -> tuple[float, float] | None:
        clean, cluster = crossed(generator, 60, 3)
        broken = 0.3 + generator.uniform(-0.2, 0.2, (3, 1))
        found = contrast([clean], [np.where(generator.random(clean.shape) < broken, 0.0, clean)], cluster, DRAWS)
        return found.interval() if found else None

    assert coverage(0.6 * 0.3, drop) >= 0.95 - TOLERANCE
