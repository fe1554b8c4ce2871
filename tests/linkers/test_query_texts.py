"""What a dual encoder reads: query texts, templates, limits."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from robustmel.errors import UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Entity, Query, Task

Ask = Callable[..., Query]
Make = Callable[..., DualEncoder]
FAMILIES = ["align", "blip", "blip2", "clip", "flava", "owlvit", "siglip"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_s_embedding_does_not_depend_on_what_it_is_embedded_with(family: str, make: Make) -> None:
    texts = [f"{'a' * length} flag" for length in (1, 3, 9, 14, 20, 27, 33)] * 3
    together = make(family).embed_texts(texts)
    assert together.norm(dim=-1).allclose(torch.ones(len(texts)))
    other = make(family)
    for text, row in zip(texts, together, strict=True):
        assert torch.equal(other.embed_texts([text])[0], row)


def test_the_query_text_is_a_choice(make: Make, ask: Ask, kb: KnowledgeBase) -> None:
    query = ask(0, kb.ids, text="a flag waves")
    bare = replace(query, text="")
    for options, read in (
        ({}, "Chad: a flag waves"),
        ({"query_text": "sentence"}, "a flag waves"),
        ({"query_text": "surface"}, "Chad"),
        ({"query_text": "surface", "query_template": "about {text}"}, "about Chad"),
    ):
        linker = make("clip", **options)
        asked = linker.embed_texts([read])[0]
        labels = linker.embed_texts([f"a photo of {entity.name}" for entity in kb])
        assert torch.allclose(linker.scores([query], "T2T")[0], labels @ asked, atol=1e-6)
    assert torch.equal(make("clip").scores([bare], "T2T"), make("clip", query_text="surface").scores([bare], "T2T"))


def test_the_template_is_a_choice(make: Make, ask: Ask, kb: KnowledgeBase) -> None:
    linker = make("clip", template="{name}, {description}")
    asked = linker.embed_texts(["Chad: a flag of Chad waves"])[0]
    labels = linker.embed_texts([f"{entity.name}, {entity.description}" for entity in kb])
    assert torch.allclose(linker.scores([ask(0, kb.ids)], "T2T")[0], labels @ asked, atol=1e-6)


def test_normalising_before_the_sum_is_a_choice(make: Make, ask: Ask, kb: KnowledgeBase) -> None:
    linker, query = make("clip", normalise=False), ask(0, kb.ids)
    assert query.image is not None
    image = linker.image_features(linker.model, linker.preprocessing.pictures([decode(query.image)]))
    text = linker.text_tower.embed(["Chad: a flag of Chad waves"])
    expected = torch.nn.functional.cosine_similarity(image + text, linker.embed_texts([f"a photo of {one.name}" for one in kb]))
    assert torch.allclose(linker.scores([query], "IT2T")[0], expected, atol=1e-6)
    assert not torch.allclose(make("clip").scores([query], "IT2T")[0], expected, atol=1e-3)


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"query_text": "title"}, "title"),
        ({"template": "a photo"}, "template"),
        ({"template": "{name} {size}"}, "template"),
        ({"query_template": "{text"}, "query_template"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_a_parameter_out_of_range_is_named(parameters: dict[str, Any], named: str, make: Make) -> None:
    with pytest.raises(UsageError, match=named):
        make("clip", **parameters)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_that_the_limit_cuts_are_counted_once_each(
    family: str, make: Make, kb: KnowledgeBase, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    linker = make(family)
    long, longer = "x" * 200, "x" * 300
    with caplog.at_level(logging.WARNING):
        linker.link([ask(0, kb.ids, text=long), ask(1, kb.ids, text=longer), ask(2, kb.ids, text=long)], "IT2T")
        linker.link([ask(3, kb.ids, text=long)], "T2T")
    assert len(linker.text_tower.cut) == 2
    assert sum("cut" in record.message for record in caplog.records) == 1
    # What is left is the head of the text: the surface is never cut by a long sentence.
    assert torch.equal(linker.embed_texts([long]), linker.embed_texts(["x" * 38]))


def test_candidates_that_the_limit_cuts_to_the_same_tokens_tie(clip_folder: Path, picture: Callable[..., Path]) -> None:
    names = ["z", *(f"{'x' * 60} {ending}" for ending in "abcdefg"), "y"]
    kb = KnowledgeBase(Entity(f"e{index}", name) for index, name in enumerate(names))
    linker = LINKERS.create("clip", kb, model=str(clip_folder), device="cpu")
    query = Query("q", "", "", None, picture(40, 40), kb.ids)
    scores = linker.scores([query], "I2T")[0]
    assert len(set(scores[1:8].tolist())) == 1
    assert len(set(scores.tolist())) == 3
    assert len(linker.text_sides.of([query], "I2T").labels) == 3  # one column for all that are read alike, so by construction
    assert linker.cut_texts([query], "I2T") == 7


def test_odd_strings_are_read(make: Make, kb: KnowledgeBase, ask: Ask) -> None:
    linker = make("clip")
    texts = ["\ud800 lone", "a\x00b", "🏴‍☠️🚩", "שלום", "x" * 10_000, "{braces} {0}"]
    queries = [replace(ask(0, kb.ids, text=text), id=str(index)) for index, text in enumerate(texts)]
    assert all(prediction.error is None and len(prediction.ranked) == len(kb) for prediction in linker.link(queries, "T2T"))


def test_without_any_text_the_image_decides_alone(make: Make, kb: KnowledgeBase, ask: Ask) -> None:
    linker = make("clip")
    silent = replace(ask(0, kb.ids), text="", surface="")
    assert torch.allclose(linker.scores([silent], "IT2T"), linker.scores([silent], "I2T"), atol=1e-6)
    assert linker.link([silent], "T2T")[0].error == "no_text"


def test_an_attack_loop_embeds_its_texts_once(make: Make, kb: KnowledgeBase, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    linker = make("clip")
    calls: list[int] = []
    encode = linker.text_tower.features
    monkeypatch.setattr(linker.text_tower, "features", lambda tokens, mask: calls.append(len(tokens)) or encode(tokens, mask))
    queries = [ask(seed, kb.ids) for seed in range(4)]
    for kept in (queries, queries, queries[:2], queries[1:]):
        linker.logits(torch.rand(len(kept), 3, 32, 32), kept, "IT2T")
    built = len(calls)
    assert built > 0
    linker.logits(torch.rand(4, 3, 32, 32), queries, "I2T")
    assert len(calls) == built


@pytest.mark.parametrize("task", ["I2T", "IT2T", "T2T"])
def test_a_label_scores_as_if_the_entity_were_named_so(
    task: Task, clip_folder: Path, make: Make, kb: KnowledgeBase, ask: Ask
) -> None:
    linker = make("clip")
    query = ask(0, kb.ids)
    labelled = replace(query, labels={"e1": "a photo of Atlantis", "e4": "a photo of {name}"})
    renamed = KnowledgeBase(
        replace(entity, name={"e1": "Atlantis", "e4": "{name}"}.get(entity.id, entity.name)) for entity in kb
    )
    expected = LINKERS.create("clip", renamed, model=str(clip_folder), device="cpu").scores([query], task)
    found = linker.scores([query, labelled], task)  # one candidate list, two sets of texts
    assert torch.allclose(found[1:], expected, atol=1e-6)
    assert (found[0] != found[1]).nonzero().flatten().tolist() == [1, 4]
    assert dict(zip(*(getattr(linker.link([labelled], task)[0], name) for name in ("ranked", "scores")), strict=True)) == (
        pytest.approx(dict(zip(kb.ids, expected[0].tolist(), strict=True)), abs=1e-6)
    )
