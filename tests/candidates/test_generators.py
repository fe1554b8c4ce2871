"""What every candidate generator promises, and what each of them is for."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from robustmel.candidates import CANDIDATES
from robustmel.candidates.everything import Everything
from robustmel.candidates.given import Given
from robustmel.candidates.prior import Prior
from robustmel.datasets.jsonl import JSONL
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, Mention

SURFACES = ("apple", "Apple ", "pear", "green pepper", "never seen", "", "C", "ø" * 10_000, "apple")
PARAMETERS = {"dense": {"encoder": f"{Path(__file__).parent / 'letter_encoder.py'}:LetterEncoder"}}


def mentions(*surfaces: str, gold: str | None = "gala", candidates: tuple[str, ...] | None = None) -> list[Mention]:
    return [Mention(str(place), gold, surface, candidates=candidates) for place, surface in enumerate(surfaces)]


@pytest.mark.parametrize("name", CANDIDATES)
def test_every_generator_obeys_its_contract(kb: KnowledgeBase, name: str) -> None:
    generator = CANDIDATES.create(name, **PARAMETERS.get(name, {}))
    asked = mentions(*SURFACES, candidates=("pear", "gala"))
    train = mentions("apple", gold="smith")
    found = generator.candidates(asked, kb, train)
    assert len(found) == len(asked)
    for ids in found:
        listed = kb.ids if ids is None else ids
        assert len(set(listed)) == len(listed)
        assert set(listed) <= set(kb.ids)
    assert found[0] == found[-1], "equal mentions have equal candidates"
    assert generator.candidates(asked[:1], kb, train) == found[:1], "neighbours do not matter"
    blind = [Mention(one.id, None, one.surface, candidates=one.candidates) for one in asked]
    assert generator.candidates(blind, kb, train) == found, "gold does not matter"
    assert generator.candidates([], kb, train) == []


@pytest.mark.parametrize("name", ["given", "bm25", "prior", "dense"])
@pytest.mark.parametrize("k", [1, 3, 7, 50])
def test_k_is_the_length_of_a_list(kb: KnowledgeBase, name: str, k: int) -> None:
    generator = CANDIDATES.create(name, k=k, **PARAMETERS.get(name, {}))
    found = generator.candidates(mentions(*SURFACES, candidates=kb.ids), kb, ())
    assert {len(listed) for listed in found} == {min(k, len(kb))}


@pytest.mark.parametrize("name", ["given", "bm25", "prior", "dense", "union"])
@pytest.mark.parametrize("k", [0, -1, 2.5, True, "10"])
def test_a_k_that_is_no_length_is_refused(name: str, k: object) -> None:
    with pytest.raises(UsageError, match="a whole number"):
        CANDIDATES.create(name, k=k, **PARAMETERS.get(name, {}))


def test_given_keeps_the_order_of_the_data_set(kb: KnowledgeBase) -> None:
    asked = [Mention("1", "milk", "x", candidates=("milk", "c", "gala")), Mention("2", None, "x", candidates=())]
    assert Given().candidates(asked, kb, ()) == [("milk", "c", "gala"), ()]
    assert Given(k=2).candidates(asked, kb, ()) == [("milk", "c"), ()]
    twice = replace(asked[0], candidates=("milk", "c", "milk", "gala"))
    assert Given(k=3).candidates([twice], kb, ()) == [("milk", "c", "gala")]


def test_given_says_what_to_choose_where_there_is_nothing(kb: KnowledgeBase) -> None:
    asked = [Mention("a", "milk", "x", candidates=("milk",)), Mention("b", "milk", "x")]
    with pytest.raises(UsageError, match=r"1 of 2 mentions \(first: b\).*\"prior\""):
        Given().candidates(asked, kb, ())


def test_everything_is_the_knowledge_base(kb: KnowledgeBase) -> None:
    assert Everything().candidates(mentions("a", "b"), kb, ()) == [None, None]


def test_prior_puts_training_before_names_before_words(kb: KnowledgeBase) -> None:
    train = [*mentions("APPLE", "apple", gold="juice"), *mentions("apple", gold="gala"), *mentions("apple", gold=None)]
    unknown = mentions("apple", gold="gone")
    (found,) = Prior(k=7).candidates(mentions("apple"), kb, [*train, *unknown])
    assert found[:3] == ("juice", "gala", "smith")
    (untrained,) = Prior(k=7).candidates(mentions("apple"), kb, ())
    assert untrained[:3] == ("smith", "gala", "juice"), "names by popularity, then shared words"


def test_prior_finds_misspelt_names_before_popular_strangers(kb: KnowledgeBase) -> None:
    (found,) = Prior(k=3).candidates(mentions("Grany Smth"), kb, ())
    assert found[0] == "smith"
    (strange,) = Prior(k=2).candidates(mentions("žž"), kb, ())
    assert strange == ("milk", "smith"), "nothing alike: the most popular"


def test_prior_does_not_fill_every_list_with_the_same_strangers() -> None:
    kb = KnowledgeBase([Entity(str(place), f"name{place}") for place in range(200)])
    found = Prior(k=3).candidates(mentions(*(chr(0x4E00 + place) for place in range(40))), kb, ())
    assert len({entity for listed in found for entity in listed}) > 50


def test_photographs_get_the_entities_of_their_surface(shared_data: Path) -> None:
    fields = {"surface": "mention", "gold": "entity_id", "aliases": "surface_forms", "images": "kb_images"}
    dataset = JSONL(shared_data / "photos" / "grocery", fields=fields).load()
    test, train = dataset.split("test").mentions, dataset.split("train").mentions
    for known in (train, ()):
        found = Prior().candidates(test, dataset.kb, known)
        assert all(mention.gold in listed for mention, listed in zip(test, found, strict=True))
        apple = next(listed for mention, listed in zip(test, found, strict=True) if mention.surface == "apple")
        assert {dataset.kb[entity].type for entity in apple[:5]} == {"apple"}
        assert len(apple) == 10


def test_dense_ranks_by_the_cosine(kb: KnowledgeBase) -> None:
    generator = CANDIDATES.create("dense", k=7, description=False, **PARAMETERS["dense"])
    surface = "green apple"
    (found,) = generator.candidates(mentions(surface), kb, ())

    def letters(text: str) -> np.ndarray:
        return np.array([text.lower().count(letter) for letter in "abcdefghijklmnopqrstuvwxyz"], dtype=float)

    def cosine(name: str) -> float:
        a, b = letters(surface), letters(name)
        return float(a @ b / math.sqrt((a @ a) * (b @ b)))

    expected = sorted(kb, key=lambda entity: -cosine(entity.name))
    assert found == tuple(entity.id for entity in expected)


def test_dense_asks_for_an_encoder_of_texts(kb: KnowledgeBase) -> None:
    mute = f"{Path(__file__).parent / 'letter_encoder.py'}:Mute"
    with pytest.raises(UsageError, match="no text embeddings"):
        CANDIDATES.create("dense", encoder=mute).candidates(mentions("x"), kb, ())
    with pytest.raises(UsageError, match='needs the parameter "encoder"'):
        CANDIDATES.create("dense")


def test_a_union_takes_turns_and_keeps_its_cap(kb: KnowledgeBase) -> None:
    parts = [{"name": "bm25", "k": 4}, {"name": "prior", "k": 5}]
    asked, train = mentions("apple", "pear"), mentions("apple", gold="smith")
    lists = [CANDIDATES.create(one["name"], k=one["k"]).candidates(asked, kb, train) for one in parts]
    union = CANDIDATES.create("union", of=parts, k=6).candidates(asked, kb, train)
    for first, second, both in zip(*lists, union, strict=True):
        assert both[0] == first[0]
        assert second[0] in both[:2]
        assert len(both) <= 6
        assert set(both) <= set(first) | set(second)
    whole = CANDIDATES.create("union", of=parts, k=99).candidates(asked, kb, train)
    assert [set(one) for one in whole] == [set(first) | set(second) for first, second in zip(*lists, strict=True)]


@pytest.mark.parametrize("of", ["bm25", ["bm25"], ["bm25", "nothing"], ["bm25", {"k": 3}]])
def test_a_union_of_what_is_none_is_refused(of: object) -> None:
    with pytest.raises(UsageError):
        CANDIDATES.create("union", of=of)


def test_the_graph_finds_what_the_exact_product_finds(kb: KnowledgeBase) -> None:
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    asked = mentions("apple", "pear", "green pepper")
    exact = CANDIDATES.create("dense", k=3, **PARAMETERS["dense"]).candidates(asked, kb, ())
    graph = CANDIDATES.create("dense", k=3, index="faiss", **PARAMETERS["dense"]).candidates(asked, kb, ())
    assert [set(one) for one in graph] == [set(one) for one in exact]


def test_the_graph_misses_few_of_the_nearest() -> None:
    pytest.importorskip("faiss", reason="the extra faiss is not installed")
    from robustmel.retrieval.nearest import nearest, nearest_by_graph

    drawn = np.random.default_rng(0).standard_normal((3000, 24)).astype(np.float32)
    unit = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    known, asked = unit[:2800], unit[2800:]
    pairs = zip(nearest(known, 10)(asked), nearest_by_graph(known, 10)(asked), strict=True)
    shared = [len(set(exact.tolist()) & set(graph.tolist())) for exact, graph in pairs]
    assert np.mean(shared) > 9.8
