"""What GEMEL does where a model, a context, a pool or a knowledge base sets a limit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.checkpoint import GemelCheckpoint
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.types import Entity, Query

from .by_hand import ByHand
from .conftest import DEMOS

Make = Callable[..., GEMEL]


def test_logits_that_are_no_numbers_are_an_error(gemel: Make, queries: list[Query]) -> None:
    linker = gemel()
    linker.lm.network.get_input_embeddings().weight.data.fill_(torch.nan)
    for candidates in (None, queries[0].candidates):
        answer = linker.link([replace(queries[0], candidates=candidates)], "IT2T")[0]
        assert (answer.error, answer.ranked, answer.status) == ("non_finite", (), "ok")


def test_a_search_without_any_name_ends_dead(gemel: Make, queries: list[Query], caplog: pytest.LogCaptureFixture) -> None:
    linker = gemel(max_new_tokens=1)
    opened = [replace(query, candidates=None) for query in queries]
    assert {(answer.status, answer.ranked) for answer in linker.link(opened, "IT2T")} == {("dead_end", ())}
    assert {(answer.status, answer.ranked) for answer in linker.link(queries, "IT2T")} == {("dead_end", ())}
    assert "8 of 8 names cannot be written in 1 tokens" in caplog.text


def test_names_that_are_too_long_are_never_answered(gemel: Make, queries: list[Query], by_hand: ByHand) -> None:
    kb = KnowledgeBase([Entity("short", "Chad"), Entity("long", "The Republic of the Union of Myanmar")])
    linker = gemel(kb, max_new_tokens=len(by_hand.ids("Chad")) + 1)
    query = replace(queries[0], candidates=("long", "short"))
    for asked in (query, replace(query, candidates=None)):
        assert linker.link([asked], "IT2T")[0].ranked == ("short",)
    assert linker.scores([query], "IT2T")[0, 0] == -torch.inf


def test_without_the_prefix_tree_it_writes_what_it_likes(gemel: Make, queries: list[Query], kb: KnowledgeBase) -> None:
    query = replace(queries[0], candidates=None)
    free = gemel(prefix_tree=False, max_new_tokens=4).link([query], "IT2T")[0]
    assert (free.ranked, free.status) == ((), "unknown_name")
    text = free.text.strip()
    assert text
    assert text not in {entity.name for entity in kb}


def test_a_prompt_that_outgrows_the_context_loses_its_least_similar_demonstrations(
    gemel: Make, by_hand: ByHand, queries: list[Query], kb: KnowledgeBase
) -> None:
    linker, query = gemel(demos=5), queries[1]
    whole = by_hand.nearest(query.surface, 5)
    sizes = [by_hand.prompt(query, whole[first:]).shape[1] for first in range(6)]
    linker.lm.context = sizes[2] + 32  # the room of an answer
    answer = linker.link([query, queries[0]], "IT2T")[0]
    expected = [by_hand.score(by_hand.prompt(query, whole[2:]), kb[entity].name) for entity in answer.ranked]
    assert answer.scores == pytest.approx(expected, rel=1e-4)
    assert linker.cut_texts([query], "IT2T") == 1
    linker.lm.context = sizes[0] + 32
    assert linker.cut_texts([query], "IT2T") == 0


@pytest.mark.parametrize("choice", ["dense", "bm25", "random"])
@pytest.mark.parametrize("pool", [0, 2])
def test_a_pool_smaller_than_asked_for_is_shown_whole_and_said(
    pool: int,
    choice: str,
    gemel_checkpoint: GemelCheckpoint,
    gemel: Make,
    queries: list[Query],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    replace(gemel_checkpoint, demos=DEMOS[:pool]).write(tmp_path / "small")
    asked = [replace(queries[0], surface="Chad", candidates=candidates) for candidates in (queries[0].candidates, None)]
    exact = gemel(model=str(tmp_path / "small"), demos=pool, demo_choice=choice)
    assert caplog.text == ""
    more = gemel(model=str(tmp_path / "small"), demos=9, demo_choice=choice)
    assert f"the pool has {pool} demonstrations, and 9 are asked for in a prompt" in caplog.text
    for answer, other in zip(more.link(asked, "IT2T"), exact.link(asked, "IT2T"), strict=True):
        assert (answer.error, answer.ranked, answer.scores) == (None, other.ranked, other.scores)
    assert more.cut_texts(asked, "IT2T") == 0


def test_open_knowledge_bases_are_compared_up_to_a_size(
    gemel: Make, queries: list[Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustmel.linkers.gemel.linker.OPEN_NAMES", 7)
    with pytest.raises(UsageError, match="scores 7 at most; list candidates"):
        gemel().scores([replace(queries[0], candidates=None)], "T2T")


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"demos": -1}, "demos = -1"),
        ({"demo_choice": "best"}, 'demo_choice = "best" is unknown'),
        ({"demo_text": "page"}, 'demo_text = "page" is unknown'),
        ({"demo_order": "best"}, 'demo_order = "best" is unknown; it is one of similar_last, pool'),
        ({"beams": 0}, "beams = 0"),
        ({"max_new_tokens": 0}, "max_new_tokens = 0"),
        ({"batch_size": 0}, "batch_size = 0"),
        ({"search": "best"}, 'search = "best"'),
        ({"search": "exact", "prefix_tree": False}, "prefix_tree = true"),
        ({"budget": 0}, "budget = 0"),
        ({"dtype": "float8"}, 'dtype = "float8" is unknown'),
    ],
)
def test_values_out_of_range_are_told_before_anything_loads(
    parameters: dict[str, Any], message: str, kb: KnowledgeBase
) -> None:
    with pytest.raises(UsageError, match=message):
        GEMEL(kb, model="nowhere", **parameters)
