"""A dual encoder asked about the whole knowledge base answers as if it had got all ids as candidates, at the cost of one list."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from robustmel.kb import KnowledgeBase
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.linkers.ranking import Ranking, ranking
from robustmel.types import Entity, Query, Task

Ask = Callable[..., Query]
Make = Callable[..., DualEncoder]
TASKS: list[Task] = ["I2T", "IT2T", "T2T"]


@pytest.fixture
def asked(ask: Ask, kb: KnowledgeBase) -> tuple[list[Query], list[Query]]:
    """Three queries with every id listed, and the same three open."""
    listed = [ask(seed, kb.ids, text=f"a flag of {entity.name}") for seed, entity in zip(range(3), kb, strict=False)]
    return listed, [replace(query, candidates=None) for query in listed]


@pytest.mark.parametrize("family", ["clip", "siglip"])
@pytest.mark.parametrize("task", TASKS)
def test_open_scores_and_answers_are_those_of_the_full_list(
    family: str, task: Task, make: Make, asked: tuple[list[Query], list[Query]]
) -> None:
    linker, (listed, open_) = make(family), asked
    torch.testing.assert_close(linker.scores(open_, task), linker.scores(listed, task), rtol=0, atol=1e-6)
    for whole, answer in zip(linker.link(listed, task), linker.link(open_, task), strict=True):
        assert tuple(answer.ranked) == whole.ranked
        np.testing.assert_allclose(answer.scores, whole.scores, rtol=0, atol=1e-6)
    assert linker.cut_texts(open_, task) == linker.cut_texts(listed, task)


def test_gradients_of_open_queries_are_those_of_the_full_list(make: Make, asked: tuple[list[Query], list[Query]]) -> None:
    linker, gradients = make("clip"), []
    for queries in asked:
        pixels = torch.full((3, 3, 16, 16), 0.5, requires_grad=True)
        linker.logits(pixels, queries, "IT2T")[:, 2].sum().backward()
        gradients.append(pixels.grad)
    assert gradients[0] is not None
    torch.testing.assert_close(gradients[0], gradients[1])
    assert gradients[0].abs().max() > 0


def test_labels_and_lists_stand_beside_open_queries(make: Make, asked: tuple[list[Query], list[Query]]) -> None:
    linker, (listed, open_) = make("clip"), asked
    labels = {"e3": "a lighthouse at dusk"}
    mixed = [replace(open_[0], labels=labels), listed[1], open_[2]]
    whole = [replace(listed[0], labels=labels), listed[1], listed[2]]
    torch.testing.assert_close(linker.scores(mixed, "I2T"), linker.scores(whole, "I2T"), rtol=0, atol=1e-6)
    assert not torch.equal(linker.scores(mixed, "I2T")[0], linker.scores(listed, "I2T")[0])


def test_the_texts_of_the_knowledge_base_are_embedded_once(make: Make, ask: Ask) -> None:
    linker, embedded = make("clip", batch_size=1), 0
    encode = linker.text_tower.features

    def counting(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        nonlocal embedded
        embedded += 1
        return encode(tokens, mask)

    linker.text_tower.features = counting
    linker.link([replace(ask(seed, ()), candidates=None) for seed in range(5)], "I2T")
    assert embedded == 1
    sides = linker.text_sides
    held = {sides.of([replace(ask(seed, ()), candidates=None)], "I2T").labels.data_ptr() for seed in range(3)}
    assert len(held) == 1


def test_a_ranking_is_the_sequence_of_its_ids() -> None:
    kb = KnowledgeBase(Entity(f"e{number}", "") for number in range(5))
    scores = torch.tensor([0.1, 0.5, 0.5, -1.0, 2.0])
    query = Query("q", "", "", None, None, None)
    answer, listed = ranking(query, scores, kb), ranking(replace(query, candidates=kb.ids), scores)
    assert isinstance(answer.ranked, Ranking)
    assert tuple(answer.ranked) == listed.ranked == ("e4", "e1", "e2", "e0", "e3")
    assert tuple(answer.scores) == listed.scores
    assert [answer.ranked.index(name) for name in kb.ids] == [listed.ranked.index(name) for name in kb.ids]
    assert answer.ranked[:2] == ("e4", "e1")
    assert answer.ranked[-1] == "e3"
    assert "e9" not in answer.ranked
    with pytest.raises(ValueError, match="not ranked"):
        answer.ranked.index("e9")
    assert ranking(query, scores * torch.nan, kb).error == "non_finite"
