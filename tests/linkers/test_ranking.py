"""Scores of anyone's linker: any real numbers, none of whose bits are lost."""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from robustmel.errors import RobustMELError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.ranking import misordered, ranking, real_numbers, well_typed
from robustmel.types import Entity, Prediction, Query

FORMS: list[Callable[[list[float]], Any]] = [
    list,
    tuple,
    np.array,
    lambda values: array("d", values),
    lambda values: torch.tensor(values, dtype=torch.float64, requires_grad=True),
    lambda values: [np.float64(value) for value in values],
    lambda values: [torch.tensor(value, dtype=torch.float64) for value in values],
    lambda values: [Fraction(value) for value in values],
    lambda values: [Decimal(value) for value in values],
]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5), st.sampled_from(FORMS))
def test_every_form_of_real_numbers_keeps_every_bit(values: list[float], form: Callable[[list[float]], Any]) -> None:
    kept = real_numbers(form(values))
    assert list(kept) == values
    assert all(type(value) is float for value in kept)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.int64, torch.uint8, torch.bool])
def test_scalars_of_every_dtype_are_read(dtype: torch.dtype) -> None:
    assert real_numbers([torch.tensor(1, dtype=dtype), torch.tensor([0], dtype=dtype)]) == (1.0, 0.0)
    assert real_numbers(torch.tensor([1, 0], dtype=dtype)) == (1.0, 0.0)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.longdouble, np.int8, np.uint64, np.bool_])
def test_arrays_of_every_dtype_are_read(dtype: type) -> None:
    assert real_numbers(np.array([1, 0], dtype=dtype)) == (1.0, 0.0)
    assert real_numbers([dtype(1), dtype(0)]) == (1.0, 0.0)


@pytest.mark.parametrize("strange", ["12", 3.0, None, ["1.0"], [None], [1j], [10**400], [[1.0, 2.0]], [torch.ones(2)]])
def test_what_is_no_real_number_is_named(strange: Any) -> None:
    with pytest.raises(RobustMELError, match=r"not a real number\.|not a sequence of numbers\."):
        real_numbers(strange)


@pytest.mark.parametrize(
    ("returned", "named"),
    [(None, "a NoneType"), (3, "an int"), ("abc", "a str"), ({"q": 1}, "a dict"), ([{"id": "q"}], "a list of dict")],
)
def test_what_is_no_list_of_predictions_is_named(returned: Any, named: str) -> None:
    with pytest.raises(RobustMELError, match=rf"must return a list of robustmel.types.Prediction, not {named}\."):
        well_typed(returned)


@pytest.mark.parametrize(
    "fields",
    [{"error": 404}, {"seconds": "1"}, {"seconds": math.nan}, {"seconds": -1.0}, {"text": 5}, {"status": None}, {"usage": None},
     {"usage": {"calls": 1}}, {"ranked": None}, {"ranked": "Q1"}, {"ranked": 3}, {"id": 7}],
    ids=str,
)  # fmt: skip
def test_a_field_of_another_type_is_named_with_its_value(fields: dict[str, Any]) -> None:
    (name, value), *_ = fields.items()
    with pytest.raises(RobustMELError, match=f"^{name} of a prediction is .*; it must be") as refused:
        well_typed([Prediction(**({"id": "q"} | fields))])
    assert repr(value) in str(refused.value)


@pytest.mark.parametrize("seconds", [0, 1.5, np.float32(2), np.int64(3)])
def test_seconds_are_any_real_number(seconds: Any) -> None:
    assert well_typed([Prediction("q", seconds=seconds)])


def test_a_hair_apart_is_no_tie_in_an_open_ranking_either() -> None:
    kb = KnowledgeBase(Entity(name, name) for name in "abc")
    scores = torch.tensor([1.0, 1.0 + 1e-9, 1.0 - 1e-9], dtype=torch.float64)
    answer = ranking(Query("q", "", "", None, None, None), scores, kb)
    assert tuple(answer.ranked) == ("b", "a", "c")
    assert len(set(answer.scores)) == 3


def test_scores_that_rise_contradict_their_ranking_and_ties_do_not() -> None:
    assert [misordered(scores) for scores in ((), (1.0,), (2.0, 1.0, 1.0), (1.0, 2.0), (3.0, 1.0, 2.0))] == [False] * 3 + [
        True
    ] * 2
