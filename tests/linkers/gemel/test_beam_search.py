"""Beams against the transformers library's own `generate` with a prefix callback."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.beam_search import beam_search

from .conftest import END, FAMILIES, VOCABULARY

IMPOSSIBLE = -1e5
"""Below any score that a name can have here; what `generate` pads with lies far below."""


def random_names(seed: int, count: int) -> list[tuple[int, ...]]:
    """Of one to five tokens, out of few, so that many begin alike and some are prefixes of others."""
    draw = random.Random(seed)
    alphabet = draw.sample(range(2, VOCABULARY), draw.choice((2, 4, 20)))
    return list({tuple(draw.choices(alphabet, k=draw.randint(1, 5))) for _ in range(count)})


def generated(
    network: Any, embeds: torch.Tensor, mask: torch.Tensor, names: list[tuple[int, ...]] | None, **options: Any
) -> list[list[tuple[tuple[int, ...], float]]]:
    """By the library: per query token ids up to the end token, which stays, and scores."""
    following: dict[tuple[int, ...], set[int]] = {}
    for name in names or ():
        for place in range(len(name)):
            following.setdefault(name[:place], set()).add(name[place])
        following.setdefault(name, set()).add(END)
    callback = (lambda _, sent: sorted(following.get(tuple(sent.tolist()), {END}))) if names is not None else None
    beams = options["num_beams"]
    output = network.generate(
        inputs_embeds=embeds,
        attention_mask=mask,
        prefix_allowed_tokens_fn=callback,
        num_return_sequences=beams,
        do_sample=False,
        early_stopping=False,
        eos_token_id=END,
        pad_token_id=END,
        output_scores=True,
        return_dict_in_generate=True,
        **options,
    )
    rows = []
    for ids, score in zip(output.sequences.tolist(), output.sequences_scores.tolist(), strict=True):
        rows.append((tuple(ids[: ids.index(END) + 1] if END in ids else ids), score))
    return [[row for row in rows[first : first + beams] if row[1] > IMPOSSIBLE] for first in range(0, len(rows), beams)]


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(20))
def test_the_same_names_and_scores_as_generate_with_a_prefix_callback(
    family: str, seed: int, network: Callable[..., Any], language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    draw = random.Random(seed)
    names = random_names(seed, draw.choice((1, 3, 12, 200)))
    options = {
        "num_beams": draw.choice((1, 2, 5, 5)) if seed else 5,
        "max_new_tokens": draw.choice((3, 8)),
        "length_penalty": draw.choice((0.0, 0.5, 1.0, 2.0, -1.0)),
    }
    about = {"seed": seed, "spread": draw.choice((0.2, 0.5, 1.0))}
    lm, (embeds, mask) = language_model(family, **about), prompts([3, 9, 1, 6], seed)
    trie = NameTrie.build(names)
    answers = beam_search(
        lm, lm.prefill(embeds, mask), trie, options["num_beams"], options["max_new_tokens"], options["length_penalty"]
    )
    expected = generated(network(family, **about), embeds, mask, names, **options) if options["num_beams"] > 1 else None
    for place, answer in enumerate(answers):
        for hypothesis in answer.hypotheses:
            reached = [names[index] for index in trie.names(hypothesis.state)]
            assert not hypothesis.finished or reached == [hypothesis.tokens]
        if expected is not None:
            ours = [(hypothesis.tokens + (END,) * hypothesis.finished) for hypothesis in answer.hypotheses]
            assert ours == [tokens for tokens, _ in expected[place]]
            scores = [hypothesis.score for hypothesis in answer.hypotheses]
            np.testing.assert_allclose(scores, [score for _, score in expected[place]], rtol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_text_as_generate_without_a_trie(
    family: str, network: Callable[..., Any], language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    options = {"num_beams": 15, "max_new_tokens": 4, "length_penalty": 0.0}
    embeds, mask = prompts([4, 7])
    finished = set()
    for seed in range(4):
        lm = language_model(family, seed=seed)
        answers = beam_search(lm, lm.prefill(embeds, mask), None, beams=15, max_new_tokens=4, length_penalty=0.0)
        expected = generated(network(family, seed=seed), embeds, mask, None, **options)
        ours = [[(h.tokens + (END,) * h.finished) for h in answer.hypotheses] for answer in answers]
        assert ours == [[tokens for tokens, _ in rows] for rows in expected]
        finished |= {(h.finished, h.state) for answer in answers for h in answer.hypotheses}
    assert finished == {(False, -1), (True, -1)}


def test_one_beam_takes_the_best_token_each_time(language_model: Callable[..., Any], prompts: Callable[..., Any]) -> None:
    lm, (embeds, mask) = language_model(seed=1), prompts([5])
    (answer,) = beam_search(lm, lm.prefill(embeds, mask), None, beams=1, max_new_tokens=5)
    text: list[int] = []
    while len(text) < 5:
        read = torch.cat((embeds, lm.embed(torch.tensor([text], dtype=torch.long))), 1)
        best = int(lm.prefill(read, torch.ones(read.shape[:2])).logits.argmax())
        if best == END:
            break
        text.append(best)
    assert answer.hypotheses[0].tokens == tuple(text)


def test_fewer_names_than_beams_give_fewer_hypotheses_and_no_name_is_a_dead_end(
    language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, (embeds, mask) = language_model(), prompts([5, 2])
    prefix = lm.prefill(embeds, mask)
    few = beam_search(lm, prefix, NameTrie.build([(4, 5), (4,)]))
    assert [{h.tokens for h in answer.hypotheses} for answer in few] == [{(4, 5), (4,)}] * 2
    assert [answer.hypotheses for answer in beam_search(lm, prefix, NameTrie.build([]))] == [(), ()]


def test_names_longer_than_the_limit_are_cut_off_and_said_to_be_unfinished(
    language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, (embeds, mask) = language_model(), prompts([5])
    trie = NameTrie.build([(4, 5, 6, 7)])
    (answer,) = beam_search(lm, lm.prefill(embeds, mask), trie, max_new_tokens=2)
    (cut,) = answer.hypotheses
    assert (cut.tokens, cut.finished, len(trie.names(cut.state))) == ((4, 5), False, 0)


def test_logits_that_are_not_numbers_break_their_own_query_alone(
    language_model: Callable[..., Any], prompts: Callable[..., Any]
) -> None:
    lm, (embeds, mask) = language_model(), prompts([5, 5, 5])
    trie = NameTrie.build(random_names(0, 30))
    whole = beam_search(lm, lm.prefill(embeds, mask), trie)
    embeds[1, 2] = torch.nan
    answers = beam_search(lm, lm.prefill(embeds, mask), trie)
    assert [answer.broken for answer in answers] == [False, True, False]
    assert answers[1].hypotheses == ()
    assert [[h.tokens for h in answers[q].hypotheses] for q in (0, 2)] == [
        [h.tokens for h in whole[q].hypotheses] for q in (0, 2)
    ]
