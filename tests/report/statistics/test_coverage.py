"""How often intervals that say 95 % hold the truth, by drawing small samples of which the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from robustmel.report.questions import Question, clusters
from robustmel.report.statistics import contrast, interval
from robustmel.report.statistics.shares import of_share
from robustmel.report.statistics.spread import spread

SAMPLES = 1000
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
    held = coverage(share, lambda generator: interval(*sample(generator, clusters, share, 0.3)))
    assert held >= 0.95 - TOLERANCE


def test_the_percentiles_of_the_bootstrap_would_not() -> None:
    """Why they are not used: the same samples, percentile bounds."""

    def percentiles(generator: np.random.Generator) -> tuple[float, float]:
        credit, cluster = sample(generator, 6, 0.5, 0.3)
        totals, sizes = np.bincount(cluster, weights=credit[0]), np.bincount(cluster)
        drawn = generator.integers(0, 6, (200, 6))
        low, high = np.quantile(totals[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [0.025, 0.975])
        return low, high

    assert coverage(0.5, percentiles) < 0.9


@pytest.mark.parametrize(("clusters", "broken"), [(6, 0.3), (12, 0.05), (12, 0.3), (30, 0.05)])
def test_drops_are_covered_also_where_few_mentions_change(clusters: int, broken: float) -> None:
    def drop(generator: np.random.Generator) -> tuple[float, float] | None:
        clean, cluster = sample(generator, clusters, 0.8, 0.3)
        attacked = np.where(generator.random(clean.shape) < broken, 0.0, clean)
        found = contrast([clean], [attacked], cluster)
        return found.interval() if found else None

    assert coverage(0.8 * broken, drop) >= 0.95 - TOLERANCE


def test_differences_in_differences_are_covered() -> None:
    def saved(generator: np.random.Generator) -> tuple[float, float] | None:
        clean, cluster = sample(generator, 10, 0.7, 0.3)
        defended = np.where(generator.random(clean.shape) < 0.1, 0.0, clean)
        attacked = np.where(generator.random(clean.shape) < 0.5, 0.0, clean)
        both = np.where(generator.random(clean.shape) < 0.2, 0.0, defended)
        found = contrast([clean, both], [attacked, defended], cluster)
        return found.interval() if found else None

    assert coverage(0.7 * (0.5 - 0.9 * 0.2), saved) >= 0.95 - TOLERANCE


def test_a_difference_of_the_margin_is_called_none_in_at_most_one_sample_of_twenty() -> None:
    generator = np.random.default_rng(3)
    called = 0
    for _ in range(SAMPLES // 2):
        clean, cluster = sample(generator, 100, 0.8, 0.3)
        attacked = np.where(generator.random(clean.shape) < 0.05 / 0.8, 0.0, clean)
        found = contrast([clean], [attacked], cluster)
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
    held = coverage(0.6, lambda generator: interval(*crossed(generator, clusters, seeds)))
    assert held >= 0.95 - TOLERANCE


def test_the_clusters_alone_would_not_cover_seeds_that_differ() -> None:
    """Why the variance between seeds is added: the same samples, their seeds averaged first."""

    def averaged(generator: np.random.Generator) -> tuple[float, float] | None:
        credit, cluster = crossed(generator, 200, 5)
        return interval(credit.mean(axis=0, keepdims=True), cluster)

    assert coverage(0.6, averaged) < 0.8


def test_a_drop_between_seeds_that_differ_is_covered() -> None:
    """Both conditions share the seed's own share, which cancels; the attack's effect differs from seed to seed."""

    def drop(generator: np.random.Generator) -> tuple[float, float] | None:
        clean, cluster = crossed(generator, 60, 3)
        broken = 0.3 + generator.uniform(-0.2, 0.2, (3, 1))
        found = contrast([clean], [np.where(generator.random(clean.shape) < broken, 0.0, clean)], cluster)
        return found.interval() if found else None

    assert coverage(0.6 * 0.3, drop) >= 0.95 - TOLERANCE


UNEVEN = {
    "one giant cluster, all alike": ([60] + [1] * 40, [0.5] * 41, True),
    "one giant cluster, all alike and mostly right": ([60] + [1] * 40, [0.8] * 41, True),
    "one giant cluster, its mentions apart": ([60] + [1] * 40, [0.7] * 41, False),
    "a giant that fails where the others hold": ([50] + [1] * 50, [0.3] + [0.9] * 50, True),
    "a few large ones that fail as a whole": ([20] * 3 + [1] * 37, [0.5] * 3 + [0.9] * 37, True),
    "larger ones among many": ([10] * 5 + [1] * 50, [0.5] * 5 + [0.9] * 50, True),
}
"""Sizes of clusters, the chance of each to be right, and whether it is right or wrong as a whole."""


def uneven(generator: np.random.Generator, case: str) -> tuple[np.ndarray, np.ndarray]:
    sizes, chances, whole = UNEVEN[case]
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    drawn = generator.random(len(sizes))[cluster] if whole else generator.random(len(cluster))
    return (drawn < np.array(chances)[cluster]).astype(float)[None], cluster


@pytest.mark.parametrize("case", UNEVEN)
def test_clusters_of_very_different_sizes_are_covered(case: str) -> None:
    sizes, chances, _ = UNEVEN[case]
    assert coverage(float(np.average(chances, weights=sizes)), lambda generator: interval(*uneven(generator, case))) >= 0.94


def test_with_one_degree_of_freedom_a_cluster_they_would_not_be() -> None:
    """Why clusters are counted by what they weigh: the same samples, C - 1 degrees of freedom and Clopper and Pearson's bound."""

    def counted(generator: np.random.Generator) -> tuple[float, float] | None:
        credit, cluster = uneven(generator, "one giant cluster, all alike")
        moves, share = spread(credit[None], cluster), float(credit.mean())
        if moves is None or share in (0, 1):
            return None
        totals = np.bincount(cluster, weights=credit[0]) - share * moves.sizes
        return of_share(share, float(np.sqrt(41 / 40 * (totals**2).sum()) / 100), moves.sizes, 0.95, 40)

    assert coverage(0.5, counted) < 0.85


def rare(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """One cluster in twenty is large and fails as a whole; the others are single mentions, nine in ten right."""
    large = generator.random(100) < 0.05
    cluster = np.repeat(np.arange(100), np.where(large, 20, 1))
    return (~large & (generator.random(100) < 0.9)).astype(float)[cluster][None], cluster


def test_rare_large_clusters_that_fail_as_a_whole_are_covered() -> None:
    assert coverage(0.95 * 0.9 / (0.95 + 0.05 * 20), lambda generator: interval(*rare(generator))) >= 0.94


def copied(generator: np.random.Generator, digests: bool) -> tuple[np.ndarray, np.ndarray]:
    """Forty images, each a copy under one to six paths, that are right or wrong by what they show."""
    image = np.repeat(np.arange(40), generator.integers(1, 7, 40))
    shown = [f"digest {number}" if digests else None for number in image]
    asked = [
        Question(str(path), "", "", "", str(path), (), f"entity {path}", image_digest=name) for path, name in enumerate(shown)
    ]
    return (generator.random(40) < 0.7).astype(float)[image][None], clusters(asked)


def test_copies_of_one_image_count_once_by_their_content_and_not_by_their_paths() -> None:
    assert coverage(0.7, lambda generator: interval(*copied(generator, digests=True))) >= 0.94
    assert coverage(0.7, lambda generator: interval(*copied(generator, digests=False))) < 0.85
