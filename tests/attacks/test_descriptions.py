"""What `robustmel attacks` lists: a clause for a first reader, with the paper."""

from __future__ import annotations

import re

import pytest

from robustmel.attacks import ATTACKS


@pytest.mark.parametrize("name", ATTACKS)
def test_the_first_line_is_one_short_clause_that_names_the_paper(name: str) -> None:
    first = (ATTACKS.load(name).__doc__ or "").splitlines()[0]
    assert 40 <= len(first) <= 120
    assert first.count(". ") == 0
    assert re.search(r"\((.+; )?[A-Z].*( et al\.| & [A-Z]\w+), \d{4}\)\.$", first) or name == "clean"
