"""BM25 against its formula, written out."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.candidates.bm25 import BM25
from robustmel.candidates.lexical import NameIndex, entity_index, trigrams
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.nearest import top
from robustmel.retrieval.word_index import words
from robustmel.types import Entity, Mention

WORDS = st.lists(st.sampled_from("a b c d the who".split()), max_size=6).map(" ".join)  # noqa: SIM905


def formula(entries: list[list[str]], query: list[str], k1: float, b: float) -> list[float]:
    """Robertson and Zaragoza (2009), eq. 3.15, without the constant factor k1 + 1 that ranks nothing differently."""
    mean = sum(map(len, entries)) / len(entries)
    scores = []
    for entry in entries:
        counts, score = Counter(entry), 0.0
        for word in query:
            holders = sum(word in other for other in entries)
            if holders:
                weight = math.log(1 + (len(entries) - holders + 0.5) / (holders + 0.5))
                score += weight * counts[word] / (counts[word] + k1 * (1 - b + b * len(entry) / mean))
        scores.append(score)
    return scores


@given(
    names=st.lists(WORDS.filter(bool), min_size=1, max_size=6),
    query=WORDS,
    k1=st.sampled_from([0.5, 1.5]),
    b=st.sampled_from([0.0, 0.75]),
)
def test_scores_are_those_of_the_formula(names: list[str], query: str, k1: float, b: float) -> None:
    kb = KnowledgeBase([Entity(str(place), name) for place, name in enumerate(names)])
    expected = formula([name.split() for name in names], query.split(), k1, b)
    np.testing.assert_allclose(entity_index(kb, k1, b).scores(query), expected, rtol=1e-5, atol=1e-7)


def test_equal_scores_keep_the_order_of_the_knowledge_base(kb: KnowledgeBase) -> None:
    (found,) = BM25(k=7).candidates([Mention("1", None, "zzz")], kb, ())
    assert found == kb.ids
    ((pepper, *_),) = BM25(k=7).candidates([Mention("1", None, "pepper")], kb, ())
    assert pepper == "pepper"


def test_the_sentence_is_read_only_where_asked(kb: KnowledgeBase) -> None:
    asked = [Mention("1", None, "thing", "a fresh milk thing")]
    assert BM25(k=1).candidates(asked, kb, ()) == [("gala",)]
    assert BM25(k=1, text=True).candidates(asked, kb, ()) == [("milk",)]


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"k1": -1.0}, {"b": 1.5}, {"b": float("nan")}):
        with pytest.raises(UsageError, match="bm25"):
            BM25(**wrong)


def test_words_keep_short_ones_and_part_scripts_without_blanks() -> None:
    assert words("The Who, C & Ünïcode's") == ["the", "who", "c", "ünïcode", "s"]
    assert words("東京タワー 2") == ["東", "京", "タ", "ワ", "ー", "2"]
    assert words("!?") == []


def test_a_knowledge_base_without_words_scores_nothing() -> None:
    kb = KnowledgeBase([Entity("1", "?"), Entity("2", "")])
    assert entity_index(kb).scores("?").tolist() == [0.0, 0.0]
    assert NameIndex(kb).scores("x").tolist() == [0.0, 0.0]


@given(names=st.lists(st.text("abc ", max_size=6), min_size=1, max_size=6), surface=st.text("abc ", max_size=6))
def test_likeness_is_dices_coefficient_of_the_best_name(names: list[str], surface: str) -> None:
    kb = KnowledgeBase([Entity("1", names[0], aliases=tuple(names[1:])), Entity("2", "zzz")])
    pieces = trigrams(surface)
    expected = max(2 * len(pieces & trigrams(n)) / max(len(pieces) + len(trigrams(n)), 1) for n in names)
    assert NameIndex(kb).scores(surface).tolist() == pytest.approx([expected, 0.0])


@given(scores=st.lists(st.integers(0, 4), max_size=30), k=st.integers(1, 35))
def test_the_top_is_that_of_a_stable_sort(scores: list[int], k: int) -> None:
    expected = sorted(range(len(scores)), key=lambda place: -scores[place])[:k]
    assert top(np.array(scores, dtype=np.float32), k).tolist() == expected
