"""Scores of listed names against a plain forward of every prompt with every name."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
import torch

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.language_model import LanguageModel
from robustmel.linkers.gemel.name_scores import name_scores

from .conftest import END, FAMILIES, VOCABULARY

LENGTHS = [3, 8, 1]


def drawn_names(counts: list[int]) -> list[list[tuple[int, ...]]]:
    draw = random.Random(0)
    return [[tuple(draw.choices(range(2, VOCABULARY), k=draw.randint(1, 6))) for _ in range(count)] for count in counts]


def plain(lm: LanguageModel, prompt: torch.Tensor, name: tuple[int, ...], length_penalty: float) -> torch.Tensor:
    """The score of one name after one prompt (T, width), without padding or cache."""
    text = torch.cat((prompt, lm.embed(torch.tensor(name, dtype=torch.long))))
    log_probs = lm.network(inputs_embeds=text[None], use_cache=False).logits[0, len(prompt) - 1 :].log_softmax(-1)
    total = log_probs[torch.arange(len(name) + 1), torch.tensor([*name, END])].sum()
    return total / (len(name) + 1) ** length_penalty


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("chunk", [1, 1500, 10**9])
def test_a_name_scores_what_a_plain_forward_of_prompt_and_name_gives(
    family: str, chunk: int, language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, (embeds, mask), names = language_model(family), prompts(LENGTHS), drawn_names([4, 0, 7])
    names[0].append(())  # the end token alone
    scores = name_scores(lm, lm.prefill(embeds, mask), names, length_penalty=0.7, chunk=chunk)
    assert (scores.shape, scores.dtype) == ((3, 7), torch.float32)
    for query, row in enumerate(names):
        expected = [plain(lm, embeds[query, -LENGTHS[query] :], name, 0.7) for name in row]
        torch.testing.assert_close(scores[query, : len(row)], torch.tensor(expected, dtype=torch.float32))
        assert (scores[query, len(row) :] == -torch.inf).all()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("chunk", [1, 10**9])
def test_gradients_reach_the_embeddings_of_the_prompt(
    family: str, chunk: int, language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, (embeds, mask), names = language_model(family), prompts(LENGTHS), drawn_names([3, 1, 2])
    weights = torch.randn(3, 3, generator=torch.Generator().manual_seed(0))
    embeds.requires_grad_()
    scores = name_scores(lm, lm.prefill(embeds, mask), names, chunk=chunk)
    listed = scores.isfinite()
    (gradient,) = torch.autograd.grad((scores[listed] * weights[listed]).sum(), embeds)
    expected = torch.zeros_like(embeds)
    for query, row in enumerate(names):
        alone = embeds.detach()[query, -LENGTHS[query] :].requires_grad_()
        total = sum(weights[query, place] * plain(lm, alone, name, 1.0) for place, name in enumerate(row))
        (expected[query, -LENGTHS[query] :],) = torch.autograd.grad(total, alone)
    torch.testing.assert_close(gradient, expected, rtol=1e-4, atol=1e-6)


def test_a_name_scores_what_beam_search_says_of_it(language_model: Callable[..., Any], prompts: Callable[..., Any]) -> None:
    lm, (names,) = language_model("Llama"), drawn_names([40])
    prefix = lm.prefill(*prompts(LENGTHS))
    answers = beam_search(lm, prefix, NameTrie.build(names), length_penalty=0.5)
    scores = name_scores(lm, prefix, [[h.tokens for h in answer.hypotheses] for answer in answers], length_penalty=0.5)
    torch.testing.assert_close(scores, torch.tensor([[h.score for h in answer.hypotheses] for answer in answers]))


def test_no_names_at_all_have_no_scores(language_model: Callable[..., Any], prompts: Callable[..., Any]) -> None:
    lm = language_model()
    assert name_scores(lm, lm.prefill(*prompts([2, 3])), [[], []]).shape == (2, 0)
