"""An attacker who asks the filter: instructions get past it, and still reach nobody but their own entity."""

from __future__ import annotations

from random import Random

import pytest
from tests.attacks.knowledge.test_page_attacks import GOLD, KB, QUERIES, edited, read

from robustmel.attacks.knowledge.prompt_injection import TEMPLATES, PromptInjection
from robustmel.defences.adaptive_attacks.injection_search import InjectionSearch, passes
from robustmel.errors import UsageError


def test_the_search_gets_past_the_filter_where_most_instructions_do_not() -> None:
    plain = {template for template in TEMPLATES if passes(PromptInjection(template).instruction("Town2"))}
    assert plain == {"base64", "zero-width", "other-language"}
    found = {InjectionSearch().search("Town2", Random(seed)) for seed in range(8)}
    assert len(found) > 4
    assert all(passed and passes(said) and "Town2" in said for said, passed in found)
    assert not all(InjectionSearch(tries=1).search("Town2", Random(seed))[1] for seed in range(8))


@pytest.mark.parametrize(("field", "mode"), [("text", "extractive"), ("description", "template")])
def test_what_it_writes_is_read_of_its_own_entity_and_of_no_other(field: str, mode: str) -> None:
    attack = InjectionSearch(field=field)  # type: ignore[arg-type]
    edits, kb = edited(attack)
    assert edits == edited(attack)[0]
    assert [edit.note for edit in edits] == ["", ""]
    before, after = read(KB, mode, task="I2T"), read(kb, mode, task="I2T")
    assert {entity for entity in before if before[entity] != after[entity]} == {"Q2"}


def test_where_no_wording_passes_the_last_is_written_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustmel.defences.adaptive_attacks.injection_search.passes", lambda said: False)
    first, _ = InjectionSearch(tries=2).perturb(QUERIES, KB, GOLD, [1, 2])
    assert first.note == "no wording of 2 passed"
    assert first.text != KB["Q2"].text


def test_values_out_of_range_are_refused() -> None:
    with pytest.raises(UsageError):
        InjectionSearch(tries=0)
