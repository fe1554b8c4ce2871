from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.kb.knowledge_base import fold
from robustmel.report.questions import Question
from robustmel.report.slices.grouping import likeness, nearest_wrong

NAMES = st.text("abc é", max_size=8)


def by_hand(one: str, other: str) -> float:
    """The cosine of trigram counts with every possible trigram as a coordinate."""
    framed = [f" {fold(name)} ".ljust(3) for name in (one, other)]
    counts = [[name[start : start + 3] for start in range(len(name) - 2)] for name in framed]
    grams = sorted(set(counts[0]) | set(counts[1]))
    first, second = (np.array([part.count(gram) for gram in grams]) for part in counts)
    return float(first @ second / np.sqrt((first @ first) * (second @ second)))


@given(NAMES, NAMES)
def test_likeness_is_the_cosine_and_symmetric(one: str, other: str) -> None:
    assert likeness(one, other) == pytest.approx(by_hand(one, other))
    assert likeness(one, other) == likeness(other, one)
    assert likeness(one, one.upper()) == 1.0
    assert 0 <= likeness(one, other) <= 1


def test_names_that_share_more_are_more_alike() -> None:
    near, middle, far = (likeness("Georgia", other) for other in ("Georgia (state)", "George", "Peru"))
    assert 1 > near > middle > far == 0


def test_the_nearest_wrong_candidate_counts_and_the_gold_one_does_not() -> None:
    names = {"a": "Georgia", "b": "Georgia (state)", "c": "Peru"}

    def of(gold: str | None, *candidates: str) -> float | None:
        return nearest_wrong([Question("q", gold, "", "", None, candidates, "")], names)[0]

    assert of("a", "a", "b", "c") == likeness("Georgia", "Georgia (state)")
    assert of("a", "a", "c") == 0.0
    assert of("a", "a") is None
    assert of("a", "a", "elsewhere") is None
    assert of(None, "a", "b") is None
    assert of("elsewhere", "a", "b") is None
