from __future__ import annotations

import json

import pytest
import torch
from benchmarks.generation import beaming, generated, language_model, proving, taught
from benchmarks.measure import Lines
from benchmarks.trie import nested_dict

from robustmel.kb.name_trie import NameTrie
from robustmel.linkers.gemel.beam_search import beam_search

NAMES = [[first, second, *rest] for first in range(4) for second in range(4) for rest in ([], [4], [5, 4])]


def test_the_peer_generates_the_same_names() -> None:
    lm = language_model(end=20, width=64, layers=1, sureness=8.0)
    embeds = lm.embed(torch.randint(0, 20, (2, 6), generator=torch.Generator().manual_seed(0)))
    answers = beam_search(lm, lm.prefill(embeds, torch.ones(2, 6)), NameTrie.build(NAMES), 5, 32)
    assert generated(lm, embeds, nested_dict(NAMES)) == [[h.tokens for h in answer.hypotheses] for answer in answers]


def test_a_model_learns_the_names_it_is_taught() -> None:
    lm = language_model(end=20, width=64, layers=1)
    prompt = lm.embed(torch.tensor([[3, 2, 20]]))
    before = lm.prefill(prompt, torch.ones(1, 3)).logits.softmax(-1)[0, :4].sum()
    taught(lm, NAMES, steps=10)
    after = lm.prefill(prompt, torch.ones(1, 3)).logits.softmax(-1)[0, :4].sum()
    assert before < 0.5 < after
    assert not any(parameter.requires_grad for parameter in lm.network.parameters())


def test_the_lines_say_what_was_measured(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.generation.DEMO_TOKENS", 2)
    lines = Lines(threads=1)
    beaming(NAMES, end=20, queries=2, repetitions=1, lines=lines)
    proving(language_model(end=20, width=64, layers=1), "here", NAMES, 2, 0.0, 1_000, lines)
    lines.end()
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line.get("way") for line in printed] == [
        "transformers, generate", "each prompt", "shared demos", None, "each prompt", "shared demos"
    ]  # fmt: skip
    assert (printed[3]["proved"], printed[3]["disagreements"]) == (2, 0)
