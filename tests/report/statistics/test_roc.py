"""Detection at every threshold, against pairs counted one by one, scikit-learn and repeated drawing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.report.statistics.roc import detection

SCORES = st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=4, max_size=40).filter(
    lambda rows: len({kind for _, kind in rows}) == 2
)


@given(SCORES)
def test_the_area_is_the_share_of_pairs_in_order(rows: list[tuple[int, bool]]) -> None:
    scores, positive = np.array([float(score) for score, _ in rows]), np.array([kind for _, kind in rows])
    pairs = [(high > low) + (high == low) / 2 for high in scores[positive] for low in scores[~positive]]
    made = detection(scores, positive, np.zeros(len(rows), dtype=np.int64))
    assert made.auc == pytest.approx(np.mean(pairs))
    assert made.auc_interval is None  # one cluster says nothing of others


@given(SCORES, st.sampled_from([0.05, 0.2, 0.5]))
def test_what_is_found_stays_within_the_false_alarms(rows: list[tuple[int, bool]], rate: float) -> None:
    scores, positive = np.array([float(score) for score, _ in rows]), np.array([kind for _, kind in rows])
    best = max(
        (np.mean(scores[positive] >= threshold) for threshold in range(6) if np.mean(scores[~positive] >= threshold) <= rate),
        default=0.0,
    )
    assert detection(scores, positive, np.arange(len(rows)), rate).found == pytest.approx(best)


def test_the_curve_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    positive = generator.random(300) < 0.2
    scores = np.round(generator.normal(size=300) + positive, 1)
    made = detection(scores, positive, np.arange(300))
    false, true, _ = metrics.roc_curve(positive, scores, drop_intermediate=False)
    assert made.auc == pytest.approx(metrics.roc_auc_score(positive, scores))
    assert made.found == pytest.approx(true[false <= 0.05].max())


def test_an_abstention_is_never_flagged_before_a_score() -> None:
    scores = np.array([np.nan, 1.0, np.nan, -5.0])
    positive = np.array([True, True, False, False])
    made = detection(scores, positive, np.arange(4), false_alarms=0.0)
    assert made.auc == pytest.approx(np.mean([0.5, 0.0, 1.0, 1.0]))
    assert made.found == 0.5


def test_the_interval_is_as_wide_as_the_area_varies_from_one_data_set_to_another() -> None:
    """Ten records an entity that say all the same are worth one, not ten."""

    def draw(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # type: ignore[type-arg]
        generator = np.random.default_rng(seed)
        positive = np.arange(40) < 16
        scores = generator.normal(size=40) + positive
        return np.repeat(scores, 10), np.repeat(positive, 10), np.repeat(np.arange(40), 10)

    areas = [detection(scores, positive, np.zeros(400, dtype=np.int64)).auc for scores, positive, _ in map(draw, range(200))]
    made = detection(*draw(500))
    assert made.auc_interval is not None
    low, high = made.auc_interval
    assert 0.7 < (high - low) / (2 * 1.96 * np.std(areas)) < 1.4
    assert low < made.auc < high
    apart = detection(*draw(500)[:2], np.arange(400)).auc_interval
    assert apart is not None
    assert apart.high - apart.low < 0.5 * (high - low)
