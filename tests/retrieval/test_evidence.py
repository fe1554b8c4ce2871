import hashlib
import math
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.retrieval.evidence import LONGEST, Evidence, KnowledgeBaseText, best_sentences, plain
from robustmel.types import Entity
from robustmel.world.knowledge_base import world_knowledge_base

TEXT = "Ardale is a country. It has a harbour. Its flag is red with a black eagle. The eagle is old. Its king fishes."


def passages(entity: Entity, *keywords: str) -> list[str]:
    ((*evidence,),) = KnowledgeBaseText().retrieve([entity], keywords)
    return [passage.text for passage in evidence]


def test_the_best_sentence_comes_first_and_the_first_is_always_there() -> None:
    entity = Entity("Q1", "Ardale", description="country", text=TEXT)
    assert passages(entity, "black", "eagle") == [
        "Its flag is red with a black eagle.",
        "The eagle is old.",
        "Ardale is a country.",
        "country",
    ]
    assert passages(entity) == ["Ardale is a country.", "It has a harbour.", "Its flag is red with a black eagle.", "country"]
    far = best_sentences(TEXT + " An eagle again.", ["eagle", "king"])
    assert far[-1] == "Ardale is a country."
    assert len(far) == 4


def test_the_order_is_that_of_bm25_by_hand() -> None:
    words = [re.findall(r"\w+", line.lower()) for line in re.split(r"(?<=\.) ", TEXT)]
    query, mean = ["eagle", "flag", "its"], sum(map(len, words)) / len(words)
    scores = []
    for line in words:
        counts, score = Counter(line), 0.0
        for word in query:
            holding = sum(word in other for other in words)
            idf = math.log(1 + (len(words) - holding + 0.5) / (holding + 0.5))
            score += idf * counts[word] / (counts[word] + 1.5 * (1 - 0.75 + 0.75 * len(line) / mean))
        scores.append(score)
    order = sorted(range(len(words)), key=lambda place: -scores[place])[:3]
    lines = re.split(r"(?<=\.) ", TEXT)
    assert best_sentences(TEXT, query)[:3] == [lines[place] for place in order]


def test_what_is_found_for_one_entity_does_not_depend_on_the_others() -> None:
    entities = list(world_knowledge_base())[:40]
    together = KnowledgeBaseText().retrieve(entities, ["flag", "red"])
    alone = [KnowledgeBaseText().retrieve([entity], ["flag", "red"])[0] for entity in entities]
    assert together == alone
    assert all(passage.entity == entity.id for entity, own in zip(entities, together, strict=True) for passage in own)


def test_an_entity_without_text_has_its_description_or_nothing() -> None:
    assert passages(Entity("a", "A", description="river")) == ["river"]
    assert passages(Entity("a", "A")) == []


def test_a_sentence_without_end_is_cut_after_a_word() -> None:
    (only,) = passages(Entity("a", "A", text="word " * 1000))
    assert LONGEST - 5 < len(only) <= LONGEST
    assert only.endswith("word")


@given(st.text(max_size=3000), st.text(max_size=50), st.lists(st.text(max_size=10), max_size=4))
def test_passages_are_plain_short_and_composed(text: str, description: str, keywords: list[str]) -> None:
    evidence = passages(Entity("a", "A", description=description, text=text), *keywords)
    assert sum(map(len, evidence)) <= LONGEST
    for passage in evidence:
        assert passage
        assert unicodedata.is_normalized("NFC", passage)
        assert not any(unicodedata.category(letter) in ("Cs",) or (letter < " " and letter != "\n") for letter in passage)


def test_the_digest_is_that_of_the_text() -> None:
    evidence = Evidence("a", "Zürich", "enwiki", "12", "2026-01-01T00:00:00Z")
    assert evidence.digest == hashlib.sha256("Zürich".encode()).hexdigest()


@pytest.mark.parametrize(("text", "shown"), [("Zu\u0308rich", "Zürich"), ("a\tb\x00\x1b[3m \n  c", "a b[3m\nc"), (" \n", "")])
def test_plain_text(text: str, shown: str) -> None:
    assert plain(text) == shown
