"""Prompts read once and continued on the cache give what reading everything anew gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from robustmel.errors import MissingError, UsageError
from robustmel.linkers.gemel.language_model import LanguageModel

from .conftest import END, FAMILIES, NO_BRANCHES, VOCABULARY, word_tokenizer

Make = Callable[..., Any]


def anew(lm: LanguageModel, embeds: torch.Tensor) -> torch.Tensor:
    """Logits after every token of one text (T, width), by a plain forward without mask, positions or cache."""
    logits: torch.Tensor = lm.network(inputs_embeds=embeds[None], use_cache=False).logits[0].float()
    return logits


@pytest.mark.parametrize("family", FAMILIES)
def test_a_prompt_of_a_batch_reads_as_it_does_alone(family: str, language_model: Make, prompts: Make) -> None:
    lm, lengths = language_model(family), [3, 9, 1]
    embeds, mask = prompts(lengths)
    read = lm.prefill(embeds, mask)
    for place, length in enumerate(lengths):
        torch.testing.assert_close(read.logits[place], anew(lm, embeds[place, -length:])[-1])
    assert read.logits.dtype == torch.float32


@pytest.mark.parametrize("family", [*FAMILIES, *NO_BRANCHES])
def test_beams_continue_as_if_all_were_read_anew(family: str, language_model: Make, prompts: Make) -> None:
    lm, lengths = language_model(family), [3, 9]
    embeds, mask = prompts(lengths)
    first = lm.prefill(embeds, mask)
    second = lm.extend(first, torch.tensor([4, 5, 6]), torch.tensor([1, 0, 1]))
    third = lm.extend(second, torch.tensor([7, 8]), torch.tensor([2, 1]))
    for place, (query, text) in enumerate(((1, [6, 7]), (0, [5, 8]))):
        whole = torch.cat((embeds[query, -lengths[query] :], lm.embed(torch.tensor(text))))
        torch.testing.assert_close(third.logits[place], anew(lm, whole.to(lm.embed(torch.tensor(0)).dtype))[-1])
    again = lm.extend(first, torch.tensor([4, 5, 6]), torch.tensor([1, 0, 1]))
    torch.testing.assert_close(again.logits, second.logits, rtol=0, atol=0)  # what was read is left as it was
    assert len(third.cache.layers[0].keys) == (2 if family in FAMILIES else len(third.logits))


@pytest.mark.parametrize("family", FAMILIES)
def test_queries_that_are_done_leave_the_cache_and_listed_names_may_follow_beams(
    family: str, language_model: Make, prompts: Make
) -> None:
    lm, lengths = language_model(family), [3, 9, 5]
    embeds, mask = prompts(lengths)
    grown = lm.extend(lm.prefill(embeds, mask), torch.tensor([4, 5, 6, 7]), torch.tensor([0, 2, 2, 1]))
    grown = lm.extend(grown, torch.tensor([8, 9]), torch.tensor([1, 0]))
    assert len(grown.cache.layers[0].keys) == 2
    grown = lm.extend(grown, torch.tensor([10, 11]), torch.tensor([0, 0]))
    assert len(grown.cache.layers[0].keys) == 1
    followed = lm.follow(grown, torch.tensor([[12, 13]]), torch.ones(1, 2), torch.tensor([1]))
    whole = torch.cat((embeds[2, -5:], lm.embed(torch.tensor([5, 8, 11, 12, 13]))))
    torch.testing.assert_close(grown.logits[1], anew(lm, whole)[-3])
    torch.testing.assert_close(followed[0], anew(lm, whole)[-2:])


@pytest.mark.parametrize("family", FAMILIES)
def test_what_stands_before_all_prompts_is_read_once(family: str, language_model: Make, prompts: Make) -> None:
    lm, lengths = language_model(family), [2, 5]
    (shared, ones), (embeds, mask) = prompts([6], seed=1), prompts(lengths)
    read = lm.prefill(embeds, mask, after=lm.prefill(shared, ones), parents=torch.tensor([0, 0]))
    followed = lm.follow(read, torch.tensor([[4, 5], [6, 0]]), torch.tensor([[1, 1], [1, 0]]), torch.tensor([1, 0]))
    for place, (query, text) in enumerate(((1, [4, 5]), (0, [6]))):
        whole = torch.cat((shared[0], embeds[query, -lengths[query] :], lm.embed(torch.tensor(text))))
        logits = anew(lm, whole)
        torch.testing.assert_close(read.logits[query], logits[-len(text) - 1])
        torch.testing.assert_close(followed[place, : len(text)], logits[-len(text) :])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_cache_is_rebuilt_from_the_entries_of_single_tokens(family: str, language_model: Make, prompts: Make) -> None:
    lm = language_model(family)
    prompt = lm.prefill(*prompts([3, 9]))
    grown, parents = prompt, torch.tensor([1])
    entries = []
    for token in (4, 5):
        grown = lm.extend(grown, torch.tensor([token]), parents)
        parents = torch.tensor([0])
        entries.append(grown.last())
    layers = [zip(*layer, strict=True) for layer in zip(*entries, strict=True)]
    joined = tuple((torch.cat(keys, 2), torch.cat(values, 2)) for keys, values in layers)
    rebuilt = lm.rebuild(prompt, torch.tensor([1]), joined)
    expected = lm.extend(grown, torch.tensor([6]), torch.tensor([0])).logits
    torch.testing.assert_close(lm.extend(rebuilt, torch.tensor([6]), torch.tensor([0])).logits, expected, rtol=0, atol=0)


@pytest.mark.parametrize("family", FAMILIES)
def test_gradients_pass_through_padding_and_cache(family: str, language_model: Make, prompts: Make) -> None:
    lm = language_model(family)
    embeds, mask = prompts([3, 7])
    embeds.requires_grad_()
    grown = lm.extend(lm.prefill(embeds, mask), torch.tensor([4, 5]), torch.tensor([0, 0]))
    (gradient,) = torch.autograd.grad(grown.logits[:, 9].sum(), embeds)
    alone = embeds.detach()[0, -3:].requires_grad_()
    texts = [torch.cat((alone, lm.embed(torch.tensor([token])))) for token in (4, 5)]
    (expected,) = torch.autograd.grad(sum(anew(lm, text)[-1, 9] for text in texts), alone)
    torch.testing.assert_close(gradient[0, -3:], expected, rtol=1e-5, atol=1e-6)
    assert gradient[0, :-3].abs().max() == 0
    assert gradient[1].abs().max() == 0


def test_a_folder_loads_frozen_and_in_the_type_that_is_asked_for(tmp_path: Path, network: Make, prompts: Make) -> None:
    made = network()
    made.half().save_pretrained(tmp_path)
    word_tokenizer().save_pretrained(tmp_path)
    lm = LanguageModel.load(str(tmp_path), device="cpu")
    assert {parameter.dtype for parameter in lm.network.parameters()} == {torch.float32}
    assert not any(parameter.requires_grad for parameter in lm.network.parameters())
    assert (lm.width, lm.start, lm.end, lm.context) == (16, 0, END, 48)
    embeds, mask = prompts([4])
    expected = made.float()(inputs_embeds=embeds.float()).logits[:, -1]
    torch.testing.assert_close(lm.prefill(embeds, mask).logits, expected)
    small = LanguageModel.load(str(tmp_path), dtype="bfloat16", device="cpu").prefill(embeds, mask).logits
    assert (small.dtype, small.shape) == (torch.float32, (1, VOCABULARY))


def test_without_a_start_token_none_is_put_before_a_text(network: Make) -> None:
    assert LanguageModel(network(), word_tokenizer(start=False)).start is None


def test_what_is_no_causal_language_model_is_refused(tmp_path: Path, network: Make, prompts: Make) -> None:
    from transformers import RobertaConfig, RobertaForCausalLM

    encoder = RobertaForCausalLM(
        RobertaConfig(vocab_size=VOCABULARY, hidden_size=16, num_hidden_layers=1, num_attention_heads=2)
    )
    with pytest.raises(UsageError, match="reads in both directions"):
        LanguageModel(encoder, word_tokenizer())
    endless = word_tokenizer()
    endless.eos_token = None
    with pytest.raises(UsageError, match="has no end token"):
        LanguageModel(network(), endless)
    with pytest.raises(UsageError, match='dtype = "int8" is unknown'):
        LanguageModel.load(str(tmp_path), dtype="int8")
    with pytest.raises(MissingError, match=r"no config\.json"):
        LanguageModel.load(str(tmp_path))
    lm = LanguageModel(network(), word_tokenizer())
    with pytest.raises(UsageError, match="a prompt has 49 tokens with its answer and the language model reads 48"):
        lm.prefill(*prompts([49, 3]))
