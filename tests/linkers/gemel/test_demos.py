"""Demonstrations: rankings against brute force and formulas written out, and who is never shown."""

from __future__ import annotations

import hashlib
import math
import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
import torch

from robustmel.errors import UsageError
from robustmel.linkers.gemel.checkpoint import Demo
from robustmel.linkers.gemel.demos import DemoPool, check_choice
from robustmel.types import Query

WORDS = ["lake", "river", "won", "cup", "rain", "Lima", "Chad", "old", "flag", "of", "the"]


def drawn_texts(seed: int, count: int) -> list[str]:
    draw = random.Random(seed)
    return [" ".join(draw.choices(WORDS, k=draw.randint(1, 8))) for _ in range(count)]


def pool_of(texts: Sequence[str], **about: Any) -> DemoPool:
    demos = [Demo(f"m {text}", text, "name", id=f"d{place}") for place, text in enumerate(texts)]
    return DemoPool(demos, **{"choice": "bm25", "compared": "sentence", "embed": embed} | about)


def embed(texts: Sequence[str]) -> torch.Tensor:
    """Drawn for each text, so that equal texts alone are equally near."""
    seeds = (int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") for text in texts)
    return torch.stack([torch.randn(12, generator=torch.Generator().manual_seed(seed)) for seed in seeds])


def query(text: str, name: str = "q", surface: str = "m") -> Query:
    return Query(name, text, surface, None, None, None)


def lucene(texts: Sequence[str], asked: str, k1: float = 1.5, b: float = 0.75) -> list[float]:
    """BM25 as Lucene computes it, from its formula."""
    documents = [[word.lower() for word in text.split()] for text in texts]
    mean = sum(map(len, documents)) / len(documents)
    scores = []
    for document in documents:
        counts, score = Counter(document), 0.0
        for word in asked.lower().split():
            containing = sum(word in other for other in documents)
            weight = math.log(1 + (len(documents) - containing + 0.5) / (containing + 0.5))
            score += weight * counts[word] / (counts[word] + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


def best_last(scores: Sequence[float], count: int) -> list[int]:
    return sorted(range(len(scores)), key=lambda place: (-round(scores[place], 5), place))[:count][::-1]


@pytest.mark.parametrize("seed", range(5))
def test_bm25_ranks_by_the_formula_the_most_similar_last(seed: int) -> None:
    texts = drawn_texts(seed, 40)
    asked = drawn_texts(seed + 100, 10)
    chosen = pool_of(texts).choose([query(text) for text in asked], 6)
    for text, places in zip(asked, chosen, strict=True):
        scores = lucene(texts, text)
        assert [round(scores[place], 4) for place in places] == [round(scores[place], 4) for place in best_last(scores, 6)]


@pytest.mark.parametrize("seed", range(5))
def test_bm25_orders_as_rank_bm25_where_both_weigh_words_alike(seed: int) -> None:
    """Every word stands in one text in five at most: rank_bm25's weights (Okapi's) are then an ascending function of Lucene's."""
    from rank_bm25 import BM25Okapi

    draw = random.Random(seed)
    words = [f"w{number}" for number in range(60)]
    texts = [" ".join(draw.choices(words, k=6)) for _ in range(50)]
    theirs = BM25Okapi([text.split() for text in texts], k1=1.5, b=0.75)
    for word in words[:10]:
        scores = theirs.get_scores([word]).tolist()
        positive = [place for place in best_last(scores, 5) if scores[place] > 0]
        places = pool_of(texts).choose([query(word)], 5)[0]
        ours = [round(scores[place], 5) for place in places]
        assert ours[-len(positive) :] == [round(scores[place], 5) for place in positive]


@pytest.mark.parametrize("seed", range(5))
def test_dense_choice_is_a_full_sort_with_ties_by_place(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("robustmel.linkers.gemel.demos.CHUNK", 4)
    texts, asked = drawn_texts(seed, 60), drawn_texts(seed + 9, 10)
    texts = [*texts, *texts[::-1], *asked] * 2
    known, wanted = (torch.nn.functional.normalize(embed(part), dim=-1).numpy() for part in (texts, asked))
    chosen = pool_of(texts, choice="dense").choose([query(text) for text in asked], 7)
    for row, places in zip(wanted, chosen, strict=True):
        assert places == best_last((known @ row).tolist(), 7)


def test_equal_texts_are_taken_in_the_order_of_the_pool() -> None:
    for choice in ("bm25", "dense"):
        pool = pool_of(["the lake"] * 5, choice=choice)
        assert pool.choose([query("the lake")], 3) == [[2, 1, 0]]


def test_mentions_are_compared_where_that_is_asked() -> None:
    demos = [Demo("Chad", "rain rain", "a"), Demo("rain", "Chad Chad", "b")]
    for compared, expected in (("mention", 0), ("sentence", 1)):
        pool = DemoPool(demos, "bm25", compared, embed)  # type: ignore[arg-type]
        assert pool.choose([query("Chad", surface="Chad")], 1) == [[expected]]


@pytest.mark.parametrize("choice", ["bm25", "dense", "random", "fixed"])
def test_a_training_mention_is_never_shown_to_itself(choice: str) -> None:
    texts = drawn_texts(3, 20)
    pool = pool_of(texts, choice=choice)
    own = [query(text, f"d{place}") for place, text in enumerate(texts)]
    for count in (1, 5, 19, 20, 50):
        chosen = pool.choose(own, count)
        assert all(place not in places for place, places in enumerate(chosen))
        assert {len(places) for places in chosen} == {min(count, 19)}
    strangers = pool.choose([query(texts[0])], 50)[0]
    assert sorted(strangers) == list(range(20))


@pytest.mark.parametrize("choice", ["bm25", "dense", "random", "fixed"])
def test_an_empty_pool_or_none_asked_for_shows_nothing(choice: str) -> None:
    assert pool_of([], choice=choice).choose([query("lake"), query("")], 4) == [[], []]
    assert pool_of(["lake"], choice=choice).choose([query("lake")], 0) == [[]]
    assert pool_of(["lake"], choice=choice).choose([], 3) == []


def test_random_choice_depends_on_the_id_alone() -> None:
    pool = pool_of(drawn_texts(1, 30), choice="random")
    first = pool.choose([query("lake", "a"), query("rain", "b")], 5)
    assert pool.choose([query("of", "b"), query("rain", "a")], 5) == first[::-1]
    assert first[0] != first[1]
    counts = Counter(place for places in pool.choose([query("", f"q{n}") for n in range(600)], 5) for place in places)
    assert len(counts) == 30
    assert max(counts.values()) < 160 > 100 > min(counts.values()) > 50  # 100 is expected


def test_fixed_choice_is_the_same_for_every_query() -> None:
    pool = pool_of(drawn_texts(1, 30), choice="fixed")
    first, second = pool.choose([query("lake", "a"), query("rain", "b")], 5)
    assert first == second
    assert len(set(first)) == 5


def test_unknown_choices_are_told() -> None:
    with pytest.raises(UsageError, match="demos = -1; expected 0 or more"):
        check_choice(-1, "bm25", "mention")
    with pytest.raises(UsageError, match='demo_choice = "nearest" is unknown; it is one of random, fixed, bm25, dense'):
        check_choice(1, "nearest", "mention")
    with pytest.raises(UsageError, match='demo_text = "page" is unknown; it is one of mention, sentence'):
        check_choice(1, "bm25", "page")
