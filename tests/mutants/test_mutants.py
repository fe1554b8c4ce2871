"""The planted faults still fit the package; whether they are noticed is what `try_mutants.py` finds out."""

from __future__ import annotations

import ast

import pytest
from try_mutants import PACKAGE, ROOT, Mutant, mutants

MUTANTS = mutants()


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_changes_the_package_and_can_be_imported(mutant: Mutant) -> None:
    source = (PACKAGE / mutant.file).read_text(encoding="utf-8")
    planted = mutant.planted(source)
    assert ast.dump(ast.parse(planted)) != ast.dump(ast.parse(source))
    assert mutant.tests == ("selftest",) or all((ROOT / test.split("::")[0]).exists() for test in mutant.tests)
