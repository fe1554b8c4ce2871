"""Words that images look like, in the page of a wrong candidate."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import robustmel as rm
from robustmel.attacks.knowledge.pages import impostors
from robustmel.defences.adaptive_attacks.caption_poison import CaptionPoison, described_words
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity, Query


@pytest.fixture(scope="module")
def world() -> tuple[Any, list[Query], list[str | None]]:
    data = rm.load_dataset("world-news", "test")
    asked = [mention.query(data.name, mention.candidates) for mention in data.mentions[:3]]
    return data.kb, asked, [mention.gold for mention in data.mentions[:3]]


def test_a_caption_brings_the_wrong_candidate_nearer_than_its_own_description_does(world: Any) -> None:
    kb, queries, gold = world
    edits = CaptionPoison(words=3).perturb(queries, kb, gold, [1, 2, 3])
    assert edits == CaptionPoison(words=3).perturb(queries, kb, gold, [1, 2, 3])
    linker = rm.load_linker("clip-world", kb, device="cpu")
    by_page = {impostor.id: impostor for impostor in impostors(queries, kb, gold)}
    assert {edit.id for edit in edits} == set(by_page)
    for edit in edits:
        assert str(edit.text).startswith(f"{kb[edit.id].name}, {edit.description}. ")
        asked = by_page[edit.id].queries[0]
        cosines = [
            float(linker.scores([replace(asked, labels={edit.id: f"a photo of {kb[edit.id].name}, {words}"})], "I2T")[0, place])
            for words in (kb[edit.id].description, edit.description)
            for place in [asked.listed.index(edit.id)]
        ]
        assert cosines[1] > cosines[0]


def test_one_caption_may_serve_all_pages_and_pages_without_images_stay(world: Any) -> None:
    kb, queries, gold = world
    everywhere = CaptionPoison(scope="global", words=1).perturb(queries, kb, gold, [1, 2, 3])
    assert len({edit.description for edit in everywhere}) == 1
    assert len(everywhere) > 1
    blind = CaptionPoison(words=1).perturb([replace(query, image=None) for query in queries], kb, gold, [1, 2, 3])
    assert {(edit.description, edit.note) for edit in blind} == {(None, "no image of its mentions can be used")}


def test_what_embeds_no_images_is_refused() -> None:
    with pytest.raises(UsageError, match="embeds no images"):
        CaptionPoison(encoder="copy-surface")


def test_the_vocabulary_tells_entities_apart_and_names_none() -> None:
    kb = KnowledgeBase(
        Entity(f"Q{place}", f"Town{place}", ("Burg",), text=f"Burg Town{place} the {'eagle' if place < 2 else 'cross'} {place}")
        for place in range(12)
    )
    assert described_words(kb) == ["eagle"]  # "the" and "cross" are said of most, numbers are no words
