"""Planted runs: forty mentions of forty entities, and linkers that get some of them right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from robustmel.report import build

N = 40
RIGHT, WRONG = (("a", "b"), (2.0, 1.0)), (("b", "a"), (2.0, 1.0))
Planted = Any
"""A `FakeRun` with questions and, of linker "ours" on "toy", clean answers that are all right."""


def answers(right: int) -> Sequence[tuple[Sequence[str], Sequence[float]]]:
    """The first `right` of forty are right."""
    return [RIGHT] * right + [WRONG] * (N - right)


@pytest.fixture
def planted(fake_run: Any, ask: Any) -> Planted:
    fake_run.questions([ask(number, "a", ["a", "b"], cluster=f"entity {number}") for number in range(N)])
    fake_run.cell("clean", {"clean": (None, fake_run.rows(answers(36)))})
    return fake_run


@pytest.fixture
def attacked(planted: Planted) -> Callable[..., Planted]:
    """Adds an attack on "ours" that leaves some mentions right; `log` and `fields` as in `FakeRun`."""

    def add(attack: str, right: int, log: dict[str, Any] | None = None, **fields: Any) -> Planted:
        lines = [{"succeeded": number >= right, "succeeded_u8": number >= right} | (log or {}) for number in range(N)]
        planted.cell(attack, {"image": (planted.variant(lines), planted.rows(answers(right)))}, **fields)
        return planted

    return add


@pytest.fixture
def noise(attacked: Callable[..., Planted]) -> Callable[..., Planted]:
    """Adds noise, which asks nobody."""

    def add(right: int, budget: str = "8/255", attack: str = "noise-normal", **fields: Any) -> Planted:
        silent = {"iterations": 0, "queries": 0, "succeeded": None, "succeeded_u8": None}
        return attacked(attack, right, silent, **{"source": "none", "threat_model": "noise", "budget": budget} | fields)

    return add


@pytest.fixture
def codes(planted: Planted) -> Callable[[], set[tuple[str, str]]]:
    """(code, attack) of every flag of the run so far."""

    def of() -> set[tuple[str, str]]:
        return {(flag.code, flag.attack) for flag in build(planted.finish()).flags}

    return of
