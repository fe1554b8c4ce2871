"""The guided search, against a linear linker for which the best edits are known by arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from robustmel.attacks.contract import replayed
from robustmel.attacks.text.dice import Dice
from robustmel.attacks.text.qwerty import Qwerty
from robustmel.attacks.text.word_delete import WordDelete
from robustmel.types import Query, TextEdit

WORDS = ["amber", "birch", "coral", "delta", "ember", "fjord", "grove", "heath"]
QUERY = Query("q", " ".join(["Georgia", *WORDS]), "Georgia", (0, 7), None, ("right", "wrong"))


class Bag:
    """The margin is a constant and the weights of the words that are there; counts the texts it is asked about."""

    def __init__(self, weights: Sequence[float], constant: float) -> None:
        self.weights, self.constant = dict(zip(WORDS, weights, strict=True)), constant
        self.asked: list[str] = []

    def margin(self, text: str) -> float:
        return self.constant + sum(weight for word, weight in self.weights.items() if word in text.split())

    def __call__(self, queries: Sequence[Query], gold: Sequence[str | None]) -> Tensor:
        assert set(gold) == {"right"}
        self.asked += [query.text for query in queries]
        return torch.tensor([self.margin(query.text) for query in queries], dtype=torch.float64)


def attacked(attack: WordDelete | Qwerty, bag: Bag, query: Query = QUERY) -> TextEdit:
    (edit,) = attack.perturb([query], bag, ["right"], [7])
    return edit


@given(st.permutations([float(2**power) for power in range(8)]), st.integers(1, 8))
def test_the_heaviest_words_go_and_no_more_than_needed(weights: list[float], edits: int) -> None:
    bag = Bag(weights, constant=-60.0)  # 195 at first
    edit = attacked(WordDelete(edit_rate=edits / 8, queries=100), bag)
    heaviest = sorted(WORDS, key=lambda word: -bag.weights[word])
    needed = min(edits, 3)  # without 128 and 64, 3 are left; without 32 it is below zero
    assert [change.old.strip() for change in edit.changes] == sorted(heaviest[:needed], key=WORDS.index)
    assert edit.succeeded is (edits >= 3)
    assert edit.text == replayed(QUERY.text, edit.changes)
    assert edit.text[slice(*edit.span or (0, 0))] == "Georgia"


def test_the_source_is_asked_no_more_than_agreed_and_the_log_says_how_often() -> None:
    for queries in (1, 2, 5, 17, 100):
        bag = Bag([1.0] * 8, constant=100.0)
        edit = attacked(Qwerty(edit_rate=1.0, queries=queries), bag)
        assert edit.queries == len(bag.asked) <= queries
        assert bag.asked[0] == QUERY.text
        assert len(edit.changes) == 8 or queries < 100


def test_an_edit_that_helps_the_right_entity_is_not_made() -> None:
    edit = attacked(WordDelete(edit_rate=1.0, queries=100), Bag([-1.0] * 8, constant=100.0))
    assert (edit.text, edit.changes, edit.succeeded) == (QUERY.text, (), False)
    assert edit.note == "nothing edited: no edit tried brings a wrong entity nearer"


def test_a_mention_that_is_wrong_already_keeps_its_text() -> None:
    bag = Bag([1.0] * 8, constant=-100.0)
    edit = attacked(WordDelete(edit_rate=1.0, queries=100), bag)
    assert (edit.text, edit.succeeded, edit.queries, edit.note) == (QUERY.text, True, 1, "")


def test_a_text_without_an_answer_is_never_kept() -> None:
    class Silent(Bag):
        def margin(self, text: str) -> float:
            return torch.nan if "amber" not in text else super().margin(text)

    edit = attacked(WordDelete(edit_rate=1.0, queries=100), Silent([9.0, *[1.0] * 7], constant=0.5))
    assert "amber" in edit.text
    assert len(edit.changes) == 7
    assert edit.succeeded is False


def test_the_best_of_several_edits_of_a_word_is_kept() -> None:
    """Every letter of a word weighs its place in the alphabet: the edit that lowers the sum most wins among those drawn."""

    class Letters(Bag):
        def margin(self, text: str) -> float:
            return float(sum(map(ord, text)))

    query = Query("q", "Georgia zzzz", "Georgia", (0, 7), None, ("right", "wrong"))
    edit = attacked(Qwerty(edit_rate=1.0, queries=100), Letters([0.0] * 8, 0.0), query)
    editor, dice = Qwerty().editor(), Dice(7)
    drawn = {str((editor("zzzz", dice) or ("", ""))[0]) for _ in range(8)}
    assert sum(map(ord, edit.changes[0].new)) == min(sum(map(ord, word)) for word in drawn)


def test_who_asks_nobody_needs_nothing() -> None:
    assert (Qwerty().needs, Qwerty().passes()) == ("nothing", 0)
    assert (Qwerty(queries=50).needs, Qwerty(queries=50).passes()) == ("scores", 50)


@pytest.mark.parametrize("queries", [0, 40])
def test_a_text_alone_is_edited_as_in_company(queries: int) -> None:
    attack = Qwerty(edit_rate=0.5, queries=queries)
    texts = [Query(f"q{number}", QUERY.text, "Georgia", (0, 7), None, QUERY.candidates) for number in range(3)]
    together = attack.perturb(texts, Bag(range(8), 3.0), ["right"] * 3, [1, 2, 3])
    alone = [
        attack.perturb([text], Bag(range(8), 3.0), ["right"], [seed])[0] for text, seed in zip(texts, [1, 2, 3], strict=True)
    ]
    assert together == alone
