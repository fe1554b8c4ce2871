from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.errors import UsageError
from robustmel.report.questions import EntityFacts, Question
from robustmel.report.slices import BY, grouping


def question(gold: str | None, surface: str = "s", candidates: tuple[str, ...] = ()) -> Question:
    return Question("q", gold, surface, "", None, candidates, gold or "NIL")


def entity(name: str, kind: str | None = "country", popularity: float = 0.0) -> EntityFacts:
    return EntityFacts(name, kind, popularity)


def sizes(by: str, questions: list[Question], entities: dict[str, EntityFacts]) -> dict[str, int]:
    found = grouping(by, questions, entities)
    counts = np.bincount(found.member, minlength=len(found.names))
    return dict(zip(found.names, counts.tolist(), strict=True))


ENTITIES = {
    "a": entity("Georgia", "country", 10),
    "b": entity("Georgia (state)", "state", 20),
    "c": entity("Chad", "country", 30),
    "d": entity("Zug", None, 40),
}


@given(
    st.lists(st.tuples(st.sampled_from([*ENTITIES, None, "elsewhere"]), st.sampled_from(["Chad", "chad ", "x"])), max_size=30)
)
def test_every_mention_is_in_exactly_one_named_group(drawn: list[tuple[str | None, str]]) -> None:
    questions = [question(gold, surface, ("a", "b", "c")) for gold, surface in drawn]
    for by in (*BY, "popularity:25"):
        found = sizes(by, questions, ENTITIES)
        assert sum(found.values()) == len(questions)
        assert found.get("NIL", 0) == sum(gold is None for gold, _ in drawn)
        assert found.get("unknown entity", 0) == sum(gold == "elsewhere" for gold, _ in drawn)


def test_types_come_by_size_and_rare_ones_together() -> None:
    entities = {str(number): entity("x", f"type {number}") for number in range(15)}
    questions = [question(str(number)) for number in range(15) for _ in range(20 - number)]
    found = sizes("type", questions, entities)
    assert list(found)[:2] == ["type 0", "type 1"]
    assert found["other (6 types)"] == sum(20 - number for number in range(9, 15))
    assert sizes("type", [question("d")], ENTITIES) == {"no type": 1}


def test_few_popularities_are_cut_at_the_median_and_a_threshold_where_it_is_asked_for() -> None:
    questions = [question(one) for one in "aabcd"]
    assert sizes("popularity", questions, ENTITIES) == {"at most 20": 3, "above 20": 2}
    assert sizes("popularity:35", questions, ENTITIES) == {"at most 35": 4, "above 35": 1}
    assert sizes("popularity:99", questions, ENTITIES) == {"at most 99": 5, "above 99": 0}  # the empty group is named
    assert sizes("popularity", [question("a")] * 3, ENTITIES) == {"popularity not given": 3}


def test_graded_popularity_is_cut_into_thirds() -> None:
    entities = {str(number): entity("x", popularity=number) for number in range(30)}
    assert sizes("popularity", [question(one) for one in entities], entities) == {
        "at most 9": 10,
        "up to 19": 10,
        "above 19": 10,
    }


@given(st.lists(st.sampled_from([1.0, 2.0, 3.0, 5.0, 8.0, *map(float, range(10, 20))]), max_size=30))
def test_without_a_threshold_of_ones_own_no_group_is_empty(popularity: list[float]) -> None:
    entities = {str(number): entity("x", popularity=value) for number, value in enumerate(popularity)}
    found = sizes("popularity", [question(key) for key in entities], entities)
    assert 0 not in found.values()
    assert len(found) == min(len(set(popularity)), 2) or len(found) == 3


@given(st.lists(st.sampled_from(["Chad", "Chadwick", "Chapel", "Zug", "Zugspitze", "Oslo"]), max_size=12))
def test_likeness_is_cut_where_something_lies_on_either_side(names: list[str]) -> None:
    entities = {str(number): entity(name) for number, name in enumerate(names)} | {"gold": entity("Chad")}
    questions = [question("gold", candidates=("gold", key)) for key in entities if key != "gold"]
    assert 0 not in sizes("similarity", questions, entities).values()


def test_names_that_are_all_alike_are_one_group() -> None:
    questions = [question("a", candidates=("a", "d"))] * 4
    assert sizes("similarity", questions, ENTITIES) == {"equally similar names (0.00)": 4}


def test_a_surface_is_the_name_but_for_case_and_blanks() -> None:
    questions = [question("c", one) for one in ("Chad", " CHAD", "Republic of Chad")]
    assert sizes("surface", questions, ENTITIES) == {"the entity's name": 2, "another wording": 1}


def test_mentions_without_a_rival_are_no_easy_ones() -> None:
    questions = [question("a", candidates=("a", "b")), question("a", candidates=("a", "d")), question("c", candidates=("c",))]
    found = sizes("similarity", questions, ENTITIES)
    assert found["no other candidate"] == 1
    assert Counter(found.values())[1] == 3


@pytest.mark.parametrize("by", ["typ", "type:3", "popularity:many", ""])
def test_what_cannot_be_sliced_by_is_refused_with_a_way_out(by: str) -> None:
    with pytest.raises(UsageError, match=r"Did you mean|Known:|expected a number"):
        grouping(by, [], {})
