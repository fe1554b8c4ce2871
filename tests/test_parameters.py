"""Values of parameters against the types of a signature; pydantic's strict mode is the independent judge."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ConfigDict, TypeAdapter, ValidationError

from robustmel.attacks import ATTACKS
from robustmel.candidates import CANDIDATES
from robustmel.datasets import DATASETS
from robustmel.defences import DEFENCES
from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.parameters import with_numbers, wrong_values
from robustmel.registry import Registry, own_parameters

TYPES = {
    "text": str,
    "flag": bool,
    "count": int,
    "amount": float,
    "maybe": str | None,
    "choice": Literal["sentence", "surface"],
    "names": list[str],
    "table": Mapping[str, int] | None,
}


class Stated:
    def __init__(
        self,
        kb: object,
        /,
        *,
        text: str = "",
        flag: bool = True,
        count: int = 1,
        amount: float = 0.5,
        maybe: str | None = None,
        choice: Literal["sentence", "surface"] = "sentence",
        names: list[str] | None = None,
        table: Mapping[str, int] | None = None,
        where: str | Path = "",
        pair: tuple[int, int] = (1, 2),
        many: tuple[int, ...] = (),
        free: Any = None,
        unstated=None,  # type: ignore[no-untyped-def]
    ) -> None: ...


scalars = (
    st.none() | st.booleans() | st.integers(-3, 300) | st.floats(allow_nan=True) | st.sampled_from(["no", "sentence", "3"])
)
toml = scalars | st.lists(scalars, max_size=3) | st.dictionaries(st.sampled_from("ab"), scalars, max_size=2)


@given(st.sampled_from(sorted(TYPES)), toml)
def test_a_value_is_wrong_where_pydantic_finds_it_wrong(name: str, value: Any) -> None:
    stated = TYPES[name] if name != "names" else list[str] | None
    try:
        TypeAdapter(stated, config=ConfigDict(strict=True, allow_inf_nan=True)).validate_python(value)
        wrong = isinstance(value, float) and math.isnan(value)
    except ValidationError:
        wrong = True
    if name == "table" and isinstance(value, dict):
        wrong = False  # what a table holds is the component's own affair
    assert bool(wrong_values(Stated, {name: value})) == wrong


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("text", 255, "text = 255; expected text"),
        ("count", "x", 'count = "x"; expected a whole number'),
        ("count", True, "count = true; expected a whole number"),
        ("flag", math.nan, "flag = nan; expected true or false"),
        ("flag", "no", 'flag = "no"; expected true or false'),
        ("amount", math.nan, 'amount = nan; expected a number, such as 0.03 or "8/255"'),
        ("choice", "title", 'choice = "title"; expected one of "sentence", "surface"'),
        ("maybe", 3, "maybe = 3; expected text"),
        ("many", [1, "2"], "many = [1, '2']; expected a list"),
        ("table", [1], "table = [1]; expected a table"),
        ("where", 1, "where = 1; expected text or a path"),
    ],
)
def test_what_is_wrong_is_one_clause(name: str, value: Any, said: str) -> None:
    assert wrong_values(Stated, {name: value}) == [said]


def test_what_states_no_plain_type_is_let_through() -> None:
    sound = {"free": object(), "unstated": 3, "where": Path(), "pair": [1, 2], "many": [1, 2], "amount": 1, "maybe": None}
    assert wrong_values(Stated, sound) == []


@pytest.mark.parametrize("registry", [CANDIDATES, DATASETS, DEFENCES, LINKERS])
def test_the_types_of_every_component_are_read(registry: Registry) -> None:
    """An object is no text, number, path, list or table: whatever states one of them refuses it."""
    for name in registry:
        component = registry.load(name)
        stated = own_parameters(component)
        assert len(wrong_values(component, dict.fromkeys(stated, object()))) == len(stated), name


@pytest.mark.parametrize("given", [{"query_text": "title"}, {"template": 255}, {"batch_size": "x"}, {"normalise": "no"}])
def test_a_registry_refuses_wrong_values_before_anything_is_built(given: dict[str, Any]) -> None:
    (name,) = given
    with pytest.raises(UsageError, match=rf"linker clip: {name} = .*; expected "):
        LINKERS.parameters("clip-world", given)


@pytest.mark.parametrize(
    ("name", "value", "number"),
    [
        ("amount", "16/255", 16 / 255),
        ("amount", "0.5", 0.5),
        ("amount", "0.25/255", 0.25 / 255),
        ("amount", "x", "x"),
        ("amount", "1/0", "1/0"),
        ("amount", "nan", "nan"),
        ("text", "16/255", "16/255"),
        ("maybe", "3", "3"),
        ("count", "3", "3"),
        ("loose", "16/255", 16 / 255),
        ("unstated", "16/255", "16/255"),
    ],
)
def test_text_becomes_a_number_where_one_is_stated_or_the_default(name: str, value: str, number: float | str) -> None:
    class Loose(Stated):
        def __init__(self, kb: object, /, *, loose=0.5, **rest) -> None: ...  # type: ignore[no-untyped-def]

    assert with_numbers(Loose if name == "loose" else Stated, {name: value}) == {name: number}


def test_fields_that_a_data_class_inherits_from_another_module_are_checked_too() -> None:
    pgd = ATTACKS.load("pgd")
    assert wrong_values(type("Mine", (pgd,), {}), {"eps": [], "steps": 2.5, "drop_fooled": "no"}) == [
        'eps = []; expected a number, such as 0.03 or "8/255"',
        "steps = 2.5; expected a whole number",
        'drop_fooled = "no"; expected true or false',
    ]
