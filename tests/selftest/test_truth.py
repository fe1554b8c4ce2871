"""The closed form, against trying every image, against linear programming, and against the tower itself."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.optimize import linprog

from robustmel.selftest.fit import Fitted, averaging, cell_means, fit
from robustmel.selftest.truth import gains, slopes, truth

CANDIDATES = ("a", "b", "c")


def random_scores(cells: int, seed: int = 0, spread: float = 1.0) -> Fitted:
    generator = np.random.default_rng(seed)
    return Fitted(CANDIDATES, cells, generator.normal(0, spread, (3, 3 * cells * cells)), generator.normal(0, 0.01, 3))


def scores(fitted: Fitted, picture: np.ndarray) -> np.ndarray:
    """By averaging cell after cell, in plain loops."""
    height, width = picture.shape[:2]
    found = fitted.bias.copy()
    for channel, row, column in itertools.product(range(3), range(fitted.cells), range(fitted.cells)):
        top, bottom = row * height // fitted.cells, -(-(row + 1) * height // fitted.cells)
        left, right = column * width // fitted.cells, -(-(column + 1) * width // fitted.cells)
        mean = picture[top:bottom, left:right, channel].mean() / 255
        found += fitted.weights[:, (channel * fitted.cells + row) * fitted.cells + column] * mean
    return found


@pytest.mark.parametrize(("pixel", "level"), [((100, 7, 250), 3), ((0, 255, 254), 4), ((1, 1, 128), 2)])
def test_no_image_of_the_lattice_does_worse_and_one_does_as_badly(pixel: tuple[int, ...], level: int) -> None:
    picture = np.array(pixel, dtype=np.uint8).reshape(1, 1, 3)
    around = [range(max(0, value - level), min(255, value + level) + 1) for value in pixel]
    for seed, gold in itertools.product(range(4), CANDIDATES):
        fitted = random_scores(1, seed)
        own, leads = CANDIDATES.index(gold), []
        for each in itertools.product(*around):
            found = scores(fitted, np.array(each, dtype=np.uint8).reshape(1, 1, 3))
            leads.append(found[own] - np.delete(found, own).max())
        known = truth(fitted, [picture], [gold], [CANDIDATES])
        assert known.leads[0, level] == pytest.approx(min(leads), abs=1e-12)
        assert bool(known.robust(level)[0]) == (min(leads) > 0)


def test_two_pixels_of_three_levels_each() -> None:
    picture = np.array([[[0, 90, 255], [254, 1, 130]]], dtype=np.uint8)
    around = [range(max(0, value - 1), min(255, value + 1) + 1) for value in picture.ravel().tolist()]
    fitted = random_scores(2, 7)
    leads = [
        found[0] - max(found[1:])
        for found in (scores(fitted, np.array(each, dtype=np.uint8).reshape(1, 2, 3)) for each in itertools.product(*around))
    ]
    assert truth(fitted, [picture], ["a"], [CANDIDATES]).leads[0, 1] == pytest.approx(min(leads), abs=1e-12)


@pytest.mark.parametrize("size", [(5, 7), (8, 4), (3, 3)])
def test_a_linear_programme_finds_the_same_worst_leads(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(1)
    picture = generator.integers(0, 256, (*size, 3), dtype=np.uint8)
    picture[0, 0] = (0, 255, 1)
    fitted = random_scores(4, 3)
    known = truth(fitted, [picture], ["b"], [CANDIDATES])
    rows = []
    for index in range(picture.size):  # the score's slope in every pixel, one pixel at a time
        single = np.zeros(picture.size)
        single[index] = 255
        rows.append(scores(fitted, single.reshape(picture.shape)) - fitted.bias)
    slope = np.array(rows)
    for level in (1, 8, 51, 255):
        start = picture.ravel() / 255
        bounds = [(max(0.0, value - level / 255), min(1.0, value + level / 255)) for value in start]
        worst = []
        for other in (0, 2):
            found = linprog(slope[:, 1] - slope[:, other], bounds=bounds, method="highs")
            worst.append(found.fun + fitted.bias[1] - fitted.bias[other])
        assert known.leads[0, level] == pytest.approx(min(worst), abs=1e-9)


def test_a_larger_budget_never_helps_the_linker() -> None:
    generator = np.random.default_rng(2)
    pictures = [generator.integers(0, 256, (6, 5, 3), dtype=np.uint8) for _ in range(5)]
    leads = truth(random_scores(3), pictures, ["a", "b", "c", "a", "b"], [CANDIDATES] * 5).leads
    assert (np.diff(leads, axis=1) <= 1e-12).all()


def test_budgets_beyond_the_room_of_a_pixel_are_worth_no_more() -> None:
    slope = np.array([2.0, -3.0, 0.0]).reshape(1, 1, 3)
    found = gains(slope, np.array([250, 2, 9], dtype=np.uint8).reshape(1, 1, 3)) * 255
    assert found[[0, 1, 2, 3, 5, 6, 255]] == pytest.approx([0, 5, 10, 12, 16, 16, 16])


def test_who_cannot_be_right_is_wrong_and_who_stands_alone_is_never_wrong() -> None:
    picture = np.full((2, 2, 3), 128, dtype=np.uint8)
    known = truth(random_scores(1), [picture] * 4, ["a", "a", None, "a"], [("b", "c"), ("a",), ("a", "b"), ("a", "a")])
    assert (known.leads[[0, 2]] == -np.inf).all()
    assert (known.leads[[1, 3]] == np.inf).all()
    assert known.accuracy(255) == 0.5


@pytest.mark.parametrize("size", [(16, 16), (13, 30), (5, 3)])
def test_slopes_are_those_of_the_cells_means(size: tuple[int, int]) -> None:
    generator = np.random.default_rng(4)
    picture, weights = generator.integers(0, 256, (*size, 3), dtype=np.uint8), generator.normal(size=3 * 36)
    assert (slopes(weights, 6, picture.shape) * (picture / 255)).sum() == pytest.approx(weights @ cell_means(picture, 6))
    assert averaging(size[0], 6).sum(axis=1) == pytest.approx(np.ones(6))


def test_ridge_regression_solves_its_equations() -> None:
    generator = np.random.default_rng(5)
    pictures = [generator.integers(0, 256, (8, 8, 3), dtype=np.uint8) for _ in range(9)]
    golds = ["x", "y", "z"] * 3
    found = fit(pictures, golds, ["x", "y", "z", "unasked"], cells=2, ridge=0.3)
    features = np.stack([cell_means(one, 2) for one in pictures])
    away = features - features.mean(axis=0)
    wanted = np.array([[gold == entity for entity in found.entities] for gold in golds], dtype=float)
    penalty = 0.3 * np.square(away).sum() / 9
    residual = wanted - features @ found.weights.T - found.bias
    assert residual.T @ away == pytest.approx(penalty * found.weights, abs=1e-6)  # the derivative is zero
    assert residual.sum(axis=0) == pytest.approx(np.zeros(4), abs=1e-9)
