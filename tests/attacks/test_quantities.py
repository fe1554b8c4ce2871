from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as some

from robustmel.attacks import ATTACKS
from robustmel.attacks.quantities import as_budget, number, pixel_length
from robustmel.errors import UsageError


def test_fractions_are_read() -> None:
    assert pixel_length("eps", "8/255") == 8 / 255
    assert number("lr", "1/100") == 0.01
    assert pixel_length("eps", "0.25/255") == 0.25 / 255
    assert ATTACKS.create("pgd", eps="8/255", step_size="1/510") == ATTACKS.create("pgd", eps=8 / 255, step_size=1 / 510)


@pytest.mark.parametrize(
    ("attack", "given_", "said"),
    [
        ("pgd", {"eps": 8}, r"eps = 8 is above 1; did you mean 8/255\?"),
        ("pgd", {"eps": 300}, "above 1"),
        ("pgd", {"eps": -0.1}, "0 or more"),
        ("pgd", {"eps": math.nan}, "finite"),
        ("pgd", {"eps": "8/0"}, "not a number"),
        ("pgd", {"eps": "eight"}, "not a number"),
        ("pgd", {"eps": "1/2/3"}, "not a number"),
        ("pgd", {"eps": "nan/255"}, "not a number"),
        ("pgd", {"eps": "inf"}, "not a number"),
        ("pgd", {"eps": True}, "not a number"),
        ("pgd", {"step_size": 2}, r"did you mean 2/255\?"),
        ("pgd", {"steps": -1}, "at least 0"),
        ("pgd", {"steps": 2.5}, "whole number"),
        ("pgd", {"restarts": 0}, "at least 1"),
        ("pgd", {"restarts": 2, "random_start": False}, "random start"),
        ("pgd", {"on_failure": "lost"}, 'Did you mean "last"'),
        ("pgd", {"targeted": "runner-up"}, 'Did you mean "runner_up"'),
        ("pgd", {"drop_fooled": "no"}, "true or false"),
        ("apgd", {"eps": 8}, r"did you mean 8/255\?"),
        ("apgd", {"loss": "dlrr"}, 'Did you mean "dlr"'),
        ("apgd", {"rho": 2}, "above 1"),
        ("cw", {"c": -1}, "0 or more"),
        ("cw", {"lr": 0}, "above 0"),
        ("cw", {"binary_search_steps": 0}, "at least 1"),
        ("noise", {"eps": 8}, r"did you mean 8/255\?"),
        ("apgd-t", {"eps": 8}, r"did you mean 8/255\?"),
        ("fab", {"eps": 8}, r"did you mean 8/255\?"),
        ("square", {"eps": 8}, r"did you mean 8/255\?"),
        ("autoattack", {"eps": 8}, r"did you mean 8/255\?"),
        ("square", {"p": 2}, "above 1"),
        ("fab", {"eta": 0.5}, "at least 1"),
        ("noise", {"norm": "l3"}, 'unknown norm "l3"'),
    ],
)
def test_values_out_of_range_are_refused_in_a_sentence(attack: str, given_: dict[str, object], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ATTACKS.create(attack, **given_)


@given(some.integers(1, 1020))
def test_a_printed_budget_reads_back_as_itself(quarters: int) -> None:
    eps = quarters / 4 / 255
    printed = as_budget(eps)
    top, _, bottom = printed.partition("/")
    assert float(top) / float(bottom or 1) == pytest.approx(eps, rel=1e-3)
    assert number("eps", printed) == pytest.approx(eps, rel=1e-3)


def test_budgets_print_as_papers_write_them() -> None:
    assert [as_budget(eps) for eps in (8 / 255, 0.25 / 255, 0.2, 0.0, 1.0)] == ["8/255", "0.25/255", "0.2", "0", "1"]
