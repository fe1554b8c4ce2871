"""Exactly so many records, the same for the same seed, and a lower rate's among a higher one's."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.columnar import Columnar
from robustmel.errors import UsageError
from robustmel.mention_columns import in_columns
from robustmel.poisoning.image_swap import image_swap
from robustmel.poisoning.poisoning import Poisoning
from robustmel.poisoning.selection import Records, chosen, selected
from robustmel.types import Mention

PERCENT = st.integers(0, 100)


def records(golds: list[str | None]) -> Records:
    mentions = [Mention(str(number), gold, "a", "a", split="train") for number, gold in enumerate(golds)]
    return Records("set", "training mentions", mentions, mentions)


@given(count=st.integers(100, 300), low=PERCENT, high=PERCENT, seed=st.integers(0, 2**40))
def test_exactly_the_floor_and_nested(count: int, low: int, high: int, seed: int) -> None:
    low, high = sorted((low, high))
    of = records(["Q1"] * count)
    sets = [set(chosen(of, Poisoning(percent / 100), seed)) for percent in (low, high)]
    assert [len(places) for places in sets] == [percent * count // 100 for percent in (low, high)]
    assert sets[0] <= sets[1]


def test_the_rate_counts_as_it_is_written() -> None:
    assert len(chosen(records(["Q1"] * 100), Poisoning(0.29), 0)) == 29 == int(Decimal("0.29") * 100) != int(0.29 * 100)


def test_another_seed_chooses_others_and_order_does_not_matter() -> None:
    of = records(["Q1"] * 100)
    backwards = Records("set", "", of.mentions[::-1], of.train)
    first = {of.mentions[place].id for place in chosen(of, Poisoning(0.3), 0)}
    assert first == {backwards.mentions[place].id for place in chosen(backwards, Poisoning(0.3), 0)}
    assert first != {of.mentions[place].id for place in chosen(of, Poisoning(0.3), 1)}


def test_of_records_in_columns_none_is_looked_up_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    of = records(["Q1", "Q2"] * 20)
    held = Records("set", "training mentions", in_columns(of.mentions), of.train)
    monkeypatch.setattr(Columnar, "__getitem__", None)  # which makes a batch of Arrow's for each
    assert chosen(held, Poisoning(0.3), 0) == chosen(of, Poisoning(0.3), 0)


def test_popular_entities_have_more_than_three_training_mentions() -> None:
    of = records(["Q1"] * 4 + ["Q2"] * 3 + [None] * 5)
    assert selected(of, Poisoning(1, "popular")) == [0, 1, 2, 3]
    assert selected(of, Poisoning(1, "unpopular")) == list(range(4, 12))
    assert selected(of, Poisoning(1, ("Q2",))) == [4, 5, 6]
    with pytest.raises(UsageError, match=r'none of the 12 training mentions of set is about "Q3"'):
        selected(of, Poisoning(1, ("Q2", "Q3")))


@given(counts=st.lists(st.integers(1, 9), min_size=2, max_size=30), percent=st.integers(20, 100), seed=st.integers(0, 99))
def test_whole_entities_leave_at_most_one_that_is_clean_in_part(counts: list[int], percent: int, seed: int) -> None:
    of = records([f"Q{entity}" for entity, count in enumerate(counts) for _ in range(count)])
    if not percent * sum(counts) // 100:
        return
    places = chosen(of, Poisoning(percent / 100, whole_entities=True), seed)
    assert len(places) == percent * sum(counts) // 100
    hit = Counter(of.mentions[place].gold for place in places)
    assert sum(hit[f"Q{entity}"] not in (0, count) for entity, count in enumerate(counts)) <= 1
    assert set(places) <= set(chosen(of, Poisoning(1, whole_entities=True), seed))
    fewer = chosen(of, Poisoning(percent / 200, whole_entities=True), seed) if percent * sum(counts) // 200 else []
    assert set(fewer) <= set(places)


def test_a_rate_that_chooses_none_says_the_least_that_does() -> None:
    with pytest.raises(UsageError, match=r"record_rate = 0.004 of 200 training mentions of set chooses none; at least 0.005"):
        chosen(records(["Q1"] * 200), Poisoning(0.004), 0)
    assert chosen(records(["Q1"] * 200), Poisoning(0.005), 0)
    assert chosen(records(["Q1"] * 200), Poisoning(0), 0) == []
    with pytest.raises(UsageError, match="none of the 3 training mentions of set is about an entity that is popular"):
        chosen(records(["a", "b", "c"]), Poisoning(0.5, "popular"), 0)
    with pytest.raises(UsageError, match="no record is selected"):
        chosen(records([]), Poisoning(1), 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"record_rate": 1.01},
        {"record_rate": -0.1},
        {"record_rate": True},
        {"record_rate": float("nan")},
        {"record_rate": "a"},
        {"select": "famous"},
        {"select": ()},
        {"select": ("Q1", "")},
        {"relabel": " "},
        {"trigger": " "},
        {"swap_images": 1},
        {"whole_entities": "yes"},
    ],
)
def test_values_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        Poisoning(**{"record_rate": 0.1} | wrong)  # type: ignore[arg-type]


@given(golds=st.lists(st.sampled_from(["Q1", "Q2", "Q3", "Q4", None]), max_size=30), seed=st.integers(0, 99))
def test_swapped_images_go_round_and_to_other_entities_where_they_can(golds: list[str | None], seed: int) -> None:
    mentions = [Mention(str(number), gold, "a", image=Path(f"{number}.png")) for number, gold in enumerate(golds)]
    lent = image_swap([*mentions, Mention("blind", "Q1", "a")], seed)
    known = {mention.id: mention for mention in mentions}
    assert sorted(lent) == sorted(lent.values())
    assert all(taker != giver for taker, giver in lent.items())
    most = max((golds.count(gold) for gold in set(golds)), default=0)
    if 2 * most <= len(golds):
        assert sorted(lent) == sorted(known)
        assert all(known[taker].gold != known[giver].gold for taker, giver in lent.items())
