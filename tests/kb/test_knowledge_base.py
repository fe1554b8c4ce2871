"""Entities are found by id and by any of their names, however they are written."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.kb.knowledge_base import fold
from robustmel.types import Entity

COUNTRY = Entity("Q230", "Georgia", aliases=("Sakartvelo", "GEORGIA"))
STATE = Entity("Q1428", "Georgia", aliases=("Peach State",))
COAST = Entity("Q1008", "Côte d'Ivoire", aliases=("Ivory Coast",))


def test_order_ids_and_membership() -> None:
    kb = KnowledgeBase(iter([COUNTRY, STATE, COAST]))
    assert kb.ids == ("Q230", "Q1428", "Q1008")
    assert list(kb) == [COUNTRY, STATE, COAST]
    assert len(kb) == 3
    assert kb["Q1428"] is STATE
    assert "Q230" in kb
    assert None not in kb
    with pytest.raises(KeyError):
        kb["Q0"]


def test_names_and_aliases_in_any_writing() -> None:
    kb = KnowledgeBase([COUNTRY, STATE, COAST])
    assert kb.named("georgia") == kb.named(" GEORGIA ") == ("Q230", "Q1428")
    assert kb.named("peach \t state") == ("Q1428",)
    assert kb.named(unicodedata.normalize("NFD", "CÔTE D'IVOIRE")) == ("Q1008",)
    assert kb.named("") == kb.named("Chad") == ()


def test_an_id_stands_once() -> None:
    with pytest.raises(MissingError, match='"Q230" twice'):
        KnowledgeBase([COUNTRY, STATE, Entity("Q230", "Other")])


@given(st.text())
def test_folding_is_blind_to_composition(name: str) -> None:
    assert fold(unicodedata.normalize("NFD", name)) == fold(unicodedata.normalize("NFC", name))


@given(st.lists(st.text(min_size=1), min_size=1, max_size=8))
def test_every_name_finds_its_entity(names: list[str]) -> None:
    kb = KnowledgeBase([Entity(str(place), name, aliases=(name, "shared")) for place, name in enumerate(names)])
    assert all(str(place) in kb.named(name) for place, name in enumerate(names))
    assert kb.named("SHARED") == kb.ids
