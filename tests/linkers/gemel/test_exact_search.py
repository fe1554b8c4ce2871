"""Branch and bound against scores of all names."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.exact_search import exact_search
from robustmel.linkers.gemel.name_scores import name_scores

from .conftest import VOCABULARY


def drawn_names(seed: int, count: int) -> list[tuple[int, ...]]:
    draw = random.Random(seed)
    few = draw.choice((4, VOCABULARY))
    return [tuple(draw.choices(range(2, few), k=draw.randint(1, 6))) for _ in range(count)]


@pytest.mark.parametrize("length_penalty", [-0.5, 0.0, 1.0, 2.0])
@pytest.mark.parametrize(("family", "spread"), [("OPT", 0.02), ("Llama", 0.3), ("Qwen2", 1.0)])
def test_the_best_of_all_names_is_found_and_proved(
    family: str, length_penalty: float, spread: float, language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm = language_model(family, spread=spread)
    prefix = lm.prefill(*prompts([3, 8]))
    names = drawn_names(int(spread * 100 + length_penalty * 10), 100)
    trie = NameTrie.build(names)
    scores = name_scores(lm, prefix, [names, names], length_penalty)
    for query in (0, 1):
        for width in (1, 8):
            answer = exact_search(lm, prefix, trie, query, length_penalty, width=width)
            assert answer.proved
            assert answer.best is not None
            assert answer.best.score == pytest.approx(float(scores[query].max()), rel=1e-5)
            indices = [index for index, name in enumerate(names) if name == answer.best.tokens]
            assert trie.names(answer.best.state).tolist() == indices
            assert float(scores[query][indices[0]]) == pytest.approx(float(scores[query].max()), rel=1e-5)
            assert answer.evaluations < len(trie.edges)


def test_a_budget_is_kept_and_what_is_not_proved_is_not_called_so(
    language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, names = language_model(spread=0.02), drawn_names(1, 300)
    prefix, trie = lm.prefill(*prompts([4])), NameTrie.build(names)
    whole = exact_search(lm, prefix, trie)
    assert whole.evaluations > 20
    (beams,) = beam_search(lm, prefix, trie)
    cut = exact_search(lm, prefix, trie, budget=20, known=beams.hypotheses[0])
    assert (cut.proved, cut.evaluations) == (False, 20)
    assert cut.best is not None
    assert whole.best is not None
    assert beams.hypotheses[0].score <= cut.best.score <= whole.best.score
    assert exact_search(lm, prefix, trie, known=whole.best).best == whole.best


def test_nothing_to_find_and_logits_that_are_not_numbers(
    language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, (embeds, mask) = language_model(), prompts([4, 4])
    embeds[1, 0] = torch.nan
    prefix = lm.prefill(embeds, mask)
    nothing = exact_search(lm, prefix, NameTrie.build([]))
    assert (nothing.best, nothing.proved, nothing.evaluations, nothing.broken) == (None, True, 0, False)
    broken = exact_search(lm, prefix, NameTrie.build([(4,)]), query=1)
    assert (broken.best, broken.proved, broken.broken) == (None, False, True)
    empty = exact_search(lm, prefix, NameTrie.build([(4,)]), budget=0)
    assert (empty.best, empty.proved) == (None, False)


def test_it_finds_names_that_a_beam_misses_and_is_never_worse(
    language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm = language_model("Llama", spread=0.6)
    prefix, names = lm.prefill(*prompts([5] * 12)), drawn_names(0, 400)
    trie = NameTrie.build(names)
    exact = [exact_search(lm, prefix, trie, query).best for query in range(12)]
    beams = [answer.hypotheses[0] for answer in beam_search(lm, prefix, trie, beams=1)]
    gaps = np.array([best.score - beam.score for best, beam in zip(exact, beams, strict=True) if best is not None])
    assert len(gaps) == 12
    assert gaps.min() > -1e-5
    assert (gaps > 1e-3).any()
