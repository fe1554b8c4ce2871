"""Types, topics and sentiments around a mention: shares by arithmetic, and what a profile of them makes of a record."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
import torch

from robustmel.defences.context_field import ContextField
from robustmel.defences.context_labels import LABELS, TEMPERATURE, contexts, facets, label_shares
from robustmel.defences.context_mapping import ContextMapping
from robustmel.defences.detectors.context_profile import ContextProfile
from robustmel.defences.detectors.repair import repaired
from robustmel.kb import KnowledgeBase
from robustmel.linkers.weights import weight_files
from robustmel.types import Entity, Mention, Query

ENCODER = "world:mlm-world"
DESCRIPTIONS = [description for labels in facets().values() for description in labels.values()]
SPORT = [Mention(str(n), "a", "X", f"X wins the {cup} cup") for n, cup in enumerate(("first", "second", "third", "silver"))]
POLITICS = [
    Mention(f"p{n}", "b", "X", f"X meets the {who} minister") for n, who in enumerate(("prime", "first", "other", "new"))
]
KB = KnowledgeBase(Entity(name, name.upper()) for name in "ab")


class Tower:
    """Every description has an axis of its own; a text has the axes of the descriptions that it holds, of any length."""

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.tensor([[7.0 * (description in text) for description in DESCRIPTIONS] for text in texts])


def test_a_label_has_the_share_that_the_cosine_gives_it_within_its_facet() -> None:
    sizes = [len(labels) for labels in facets().values()]
    (shares,) = label_shares(cast(Any, Tower()), [f"{DESCRIPTIONS[3]} {DESCRIPTIONS[-1]}"])
    cosine = 1 / math.sqrt(2)  # with each of the two; 0 with all others
    held = math.exp(cosine / TEMPERATURE)
    first, second, third = np.split(np.array(shares), np.cumsum(sizes)[:2])
    assert first == pytest.approx(
        [held / (held + sizes[0] - 1) if n == 3 else 1 / (held + sizes[0] - 1) for n in range(sizes[0])]
    )
    assert second == pytest.approx([1 / sizes[1]] * sizes[1])
    assert third == pytest.approx([1 / (held + 2), 1 / (held + 2), held / (held + 2)])


def test_a_context_has_every_facet_once_and_a_mention_alone_has_none() -> None:
    told, alone = contexts(
        [Query("1", "X wins the cup", "X", None, None, None), Query("2", "X", "X", None, None, None)], ENCODER
    )
    assert told.total() == pytest.approx(3)
    assert {name.partition(":")[0] for name in told} == {"type", "topic", "sentiment"}
    assert not alone
    assert contexts([Query("1", "X wins the cup", "X", None, None, None)]) == [Counter({"wins": 1, "cup": 1})]


def test_a_record_is_as_surprising_as_its_labels_are_among_the_others_of_its_entity() -> None:
    """Two labels, four records of one entity and one of another: the odd one's labels stand once among the others' three in all."""
    sport, politics = Counter({"type: sport": 1.0}), Counter({"type: politics": 1.0})
    scores = ContextProfile(ENCODER, prior=2.0).compared([sport, sport, sport, politics, politics], [*"aaaa", "b"], range(5))
    # Without itself the odd one has 1 of 4 politics everywhere, smoothed (1 + 1) / (4 + 3) with one label never met; 0 of 3 around "a"
    assert scores[3] == pytest.approx(-math.log((0 + 2 * 2 / 7) / (3 + 2)))
    # ... and one of sport 2 of 4 everywhere, 2 of 3 around "a"
    assert scores[:3] == pytest.approx([-math.log((2 + 2 * 3 / 7) / (3 + 2))] * 3)
    assert np.isnan(scores[4])  # too few records


def test_labels_take_the_place_of_words_in_the_detector_and_in_both_defences() -> None:
    records = [*SPORT, *POLITICS]
    own = contexts([record.query("", None) for record in records], ENCODER)
    by_hand = ContextProfile(prior=50.0).compared(own, [record.gold for record in records], range(8))
    np.testing.assert_allclose(ContextProfile(ENCODER).scores(records, KB), by_hand)
    assert not np.allclose(ContextProfile().scores(records, KB), by_hand)
    for defence in (ContextMapping, ContextField):
        assert {LABELS, *weight_files(ENCODER)} == set(defence.assets(labels=ENCODER))  # they decide the key
        assert defence.assets() == ()


def test_a_detector_that_compares_says_which_word_to_take_out() -> None:
    odd = Mention("odd", "a", "X", "X awkwardly wins the cup", (0, 1))
    (mended,) = repaired([odd], ContextProfile(fewest=2, prior=1.0), KB, 1, [*SPORT, *POLITICS, odd])
    assert (mended.text, mended.span) == ("X wins the cup", (0, 1))
