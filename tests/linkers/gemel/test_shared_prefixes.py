"""Where passes end, against every way of cutting; then a linker whose prompts share beginnings, against prompts written by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
import torch

from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.gemel.shared_prefixes import PASS, pass_ends
from robustmel.types import Query

from .by_hand import ByHand
from .conftest import DEMOS, VISION_WIDTH

Make = Callable[..., GEMEL]


def cost(rows: Sequence[Sequence[int]], tokens: Sequence[int], ends: Sequence[int]) -> int:
    """Of reading pass after pass, one text for each beginning, padded to the longest."""
    total = 0
    for begin, end in pairwise((0, *ends)):
        texts = {tuple(row[:end]) for row in rows}
        total += PASS + len(texts) * max(sum(tokens[item] for item in text[begin:]) for text in texts)
    return total


@pytest.mark.parametrize("seed", range(20))
def test_passes_end_where_the_fewest_tokens_are_read(seed: int) -> None:
    draw = random.Random(seed)
    tokens = [draw.randint(5, 200) for _ in range(8)]
    rows = [sorted(draw.sample(range(8), draw.randint(0 if seed % 2 else 6, 7))) for _ in range(5)]
    rows.append([0, 1])
    depth = max(map(len, rows))
    ways = [(*cuts, depth) for count in range(depth) for cuts in combinations(range(1, depth), count)]
    ends = pass_ends(rows, tokens.__getitem__)
    assert ends[-1] == depth
    assert cost(rows, tokens, ends) == min(cost(rows, tokens, way) for way in ways)


def test_rows_that_share_all_or_nothing_are_read_in_one_pass() -> None:
    assert pass_ends([(3, 4, 5)] * 9, lambda _: 100) == [3]
    assert pass_ends([(0, 1, 2), (3, 4, 5)], lambda _: 100) == [3]
    assert pass_ends([(0, 1, 2), (0, 1, 5), ()], lambda _: 100) == [2, 3]


def test_prompts_fork_where_their_demonstrations_do(
    gemel: Make, by_hand: ByHand, queries: list[Query], kb: KnowledgeBase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("robustmel.linkers.gemel.shared_prefixes.PASS", 0)
    linker, rows = gemel(demos=3), [[0, 1, 2], [0, 1, 3], [0, 1, 4], [2, 3, 4]]
    monkeypatch.setattr(linker.prompts._pool, "choose", lambda queries, count: rows)
    assert pass_ends(rows, lambda place: len(linker.prompts.tokens.demo(DEMOS[place]))) == [2, 3]
    table = linker.scores(queries, "IT2T").tolist()
    for query, row, places in zip(queries, table, rows, strict=True):
        prompt = by_hand.prompt(query, places)
        expected = [by_hand.score(prompt, kb[entity].name) for entity in query.listed]
        np.testing.assert_allclose(row[: len(expected)], expected, rtol=1e-4)


def test_a_linker_that_shows_others_reads_them(gemel: Make, by_hand: ByHand, queries: list[Query], kb: KnowledgeBase) -> None:
    linker, asked = gemel(demos=2), queries[:1]
    before = linker.scores(asked, "T2T")
    other = linker.showing(1, 2)
    ((_, shown),) = other.prompts.choose(asked)
    assert shown != linker.prompts.choose(asked)[0][1]
    prompt = by_hand.prompt(asked[0], shown, blank=True)
    expected = [by_hand.score(prompt, kb[entity].name) for entity in asked[0].listed]
    np.testing.assert_allclose(other.scores(asked, "T2T")[0], expected, rtol=1e-4)
    assert torch.equal(linker.scores(asked, "T2T"), before)


@pytest.mark.parametrize("order", ["similar_last", "pool"])
def test_prompts_that_share_beginnings_are_answered_as_one_by_one(
    order: Any,
    gemel: Make,
    by_hand: ByHand,
    queries: list[Query],
    kb: KnowledgeBase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("robustmel.linkers.gemel.shared_prefixes.PASS", 0)
    linker = gemel(demo_order=order, demos=3)
    shown = [row for _, row in linker.prompts.choose(queries)]
    for query, row in zip(queries, shown, strict=True):
        nearest = by_hand.nearest(query.surface, 3)
        assert row == (sorted(nearest) if order == "pool" else nearest)
    prefill, read = linker.lm.prefill, []

    def counted(embeds: torch.Tensor, *arguments: Any) -> Any:
        read.append(len(embeds))
        return prefill(embeds, *arguments)

    monkeypatch.setattr(linker.lm, "prefill", counted)
    tables = [linker.scores(queries, task).tolist() for task in linker.tasks]
    tokens = [len(linker.prompts.tokens.demo(demo)) for demo in DEMOS]
    texts = [len({tuple(row[:end]) for row in shown}) for end in pass_ends(shown, tokens.__getitem__)]
    assert read == [*texts, len(queries)] * 2
    assert min(texts) < len(queries)
    for task, table in zip(linker.tasks, tables, strict=True):
        for query, row, places in zip(queries, table, shown, strict=True):
            prompt = by_hand.prompt(query, places, blank=task == "T2T")
            expected = [by_hand.score(prompt, kb[entity].name) for entity in query.listed]
            np.testing.assert_allclose(row[: len(expected)], expected, rtol=1e-4)
    opened = [replace(query, candidates=None) for query in queries]
    for query, answer in zip(opened, linker.link(opened, "IT2T"), strict=True):
        alone = linker.link([query], "IT2T")[0]
        assert answer.ranked == alone.ranked
        assert answer.scores == pytest.approx(alone.scores, rel=1e-4)


def test_demonstrations_are_read_again_when_the_mapper_has_changed(gemel: Make, queries: list[Query]) -> None:
    reader, features = gemel(demos=2).prompts, torch.zeros(len(queries), VISION_WIDTH)
    with torch.no_grad():
        reader.read(queries, features)
        reader._mapper.bias.neg_()
        stale, fresh = (each.read(queries, features).logits for each in (reader, reader.showing(0, 1)))
        reader.forget()
        again = reader.read(queries, features).logits
    assert torch.equal(again, fresh)
    assert not torch.allclose(stale, fresh, rtol=1e-3)


def test_the_least_similar_are_left_out_in_any_order(gemel: Make, by_hand: ByHand, queries: list[Query]) -> None:
    linker, query = gemel(demo_order="pool", demos=5), queries[1]
    nearest = by_hand.nearest(query.surface, 5)
    linker.lm.context = by_hand.prompt(query, nearest[2:]).shape[1] + 32
    assert linker.prompts.choose([query]) == [(nearest, sorted(nearest[2:]))]
