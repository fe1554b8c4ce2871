"""Dual encoders on tiny models: against the library's own model, and in the corners."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robustmel.errors import ImageError, MissingError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Query

Ask = Callable[..., Query]
FAMILIES = ["clip", "siglip"]


@pytest.fixture(scope="module")
def folders(clip_folder: Path, siglip_folder: Path) -> dict[str, Path]:
    return {"clip": clip_folder, "siglip": siglip_folder}


@pytest.fixture(scope="module")
def make(folders: dict[str, Path], kb: KnowledgeBase) -> Callable[..., DualEncoder]:
    def build(family: str, **parameters: Any) -> DualEncoder:
        linker: DualEncoder = LINKERS.create(family, kb, model=str(folders[family]), device="cpu", **parameters)
        return linker

    return build


def by_library(folder: Path, family: str, image: Path, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit embeddings of an image and of texts, each text alone, by nothing but the library."""
    import transformers

    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    padding = (
        {"padding": "max_length", "max_length": model.config.text_config.max_position_embeddings} if family == "siglip" else {}
    )
    found = []
    with torch.no_grad():
        pixel_values = processor(images=Image.open(image).convert("RGB"), return_tensors="pt")["pixel_values"]
        seen = model.get_image_features(pixel_values=pixel_values).pooler_output
        for text in texts:
            inputs = tokenizer(text, truncation=True, return_tensors="pt", **padding)
            kept = {"input_ids": inputs["input_ids"]} if family == "siglip" else dict(inputs)
            kept.pop("token_type_ids", None)
            found.append(model.get_text_features(**kept).pooler_output)
    return torch.nn.functional.normalize(seen, dim=-1)[0], torch.nn.functional.normalize(torch.cat(found), dim=-1)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    ("height", "width", "mode"), [(32, 32, "RGB"), (97, 61, "RGB"), (333, 500, "RGB"), (1, 40, "RGB"), (50, 33, "L")]
)
def test_scores_are_cosines_of_the_library_s_embeddings(
    family: str,
    height: int,
    width: int,
    mode: str,
    make: Callable[..., DualEncoder],
    folders: Any,
    kb: KnowledgeBase,
    picture: Any,
) -> None:
    image = picture(height, width, mode)
    query = Query("q", "a flag of Chad", "Chad", None, image, kb.ids)
    names = [f"a photo of {entity.name}" for entity in kb]
    seen, texts = by_library(folders[family], family, image, [*names, "Chad: a flag of Chad"])
    labels, said = texts[:-1], texts[-1]
    linker = make(family)
    for task, asked in (("I2T", seen), ("T2T", said), ("IT2T", (seen + said) / (seen + said).norm())):
        assert torch.allclose(linker.scores([query], task)[0], labels @ asked, atol=2e-6), task


def test_transparency_lies_over_white(
    make: Callable[..., DualEncoder], kb: KnowledgeBase, picture: Any, tmp_path: Path
) -> None:
    path = picture(40, 30, "RGBA")
    layered = Image.open(path)
    flat = Image.new("RGB", layered.size, "white")
    flat.paste(layered, mask=layered.getchannel("A"))
    flat.save(tmp_path / "flat.png")
    queries = [Query(str(index), "", "", None, image, kb.ids) for index, image in enumerate((path, tmp_path / "flat.png"))]
    scores = make("clip").scores(queries, "I2T")
    assert torch.allclose(scores[0], scores[1], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["I2T", "IT2T"])
def test_logits_are_what_link_ranks_by(
    family: str, task: Any, make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask
) -> None:
    linker = make(family)
    queries = [ask(1, kb.ids, (40, 51)), ask(2, kb.ids[::-1][:3], (40, 51)), ask(3, (), (40, 51))]
    pixels = torch.stack([torch.from_numpy(decode(query.image)) for query in queries if query.image]).permute(0, 3, 1, 2) / 255
    logits = linker.logits(pixels, queries, task)
    assert logits.shape == (3, len(kb))
    assert torch.isneginf(logits[1, 3:]).all()
    assert torch.isneginf(logits[2]).all()
    for query, row, prediction in zip(queries, logits, linker.link(queries, task), strict=True):
        order = sorted(range(len(query.candidates)), key=lambda column: -float(row[column]))
        assert prediction.ranked == tuple(query.candidates[column] for column in order)
        assert prediction.scores == pytest.approx([float(row[column]) for column in order], abs=1e-6)
    assert torch.allclose(linker.scores(queries, task), logits, atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["I2T", "IT2T"])
def test_the_gradient_reaches_the_raw_image_at_its_own_size(
    family: str, task: Any, folders: dict[str, Path], kb: KnowledgeBase, ask: Ask
) -> None:
    linker: DualEncoder = LINKERS.create(family, kb, model=str(folders[family]), device="cpu")
    linker.model.double()
    queries = [ask(1, kb.ids), ask(2, kb.ids[:3])]
    pixels = torch.rand(2, 3, 23, 37, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25

    def margin(at: torch.Tensor, smooth: bool) -> torch.Tensor:
        logits = linker.logits(at, queries, task, smooth=smooth)
        return (logits[:, 0] - logits[:, 2]).sum()

    smooth_pixels = pixels.clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(margin(smooth_pixels, True), smooth_pixels)
    for seed in range(3):
        direction = torch.randn(pixels.shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        step = 1e-5 * direction
        numeric = (margin(pixels + step, True) - margin(pixels - step, True)) / 2e-5
        assert float((gradient * direction).sum()) == pytest.approx(float(numeric), rel=1e-4)

    # Through the rounding to 8 bits the gradient is taken a little beside the point, at half a level's distance at most.
    (straight,) = torch.autograd.grad(margin(smooth_pixels, False), smooth_pixels)
    assert torch.nn.functional.cosine_similarity(straight.flatten(), gradient.flatten(), dim=0) > 0.95


@pytest.mark.parametrize("family", FAMILIES)
def test_candidates_of_one_name_tie_to_the_last_bit(
    family: str, make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask
) -> None:
    linker = make(family)
    queries = [ask(seed, kb.ids[seed % 4 :], (32 + seed, 40)) for seed in range(12)]
    for task in linker.tasks:
        for prediction in linker.link(queries, task):
            score = dict(zip(prediction.ranked, prediction.scores, strict=True))
            assert score["e4"] == score["e5"]
            assert prediction.ranked.index("e5") == prediction.ranked.index("e4") + 1
            assert list(prediction.scores) == sorted(prediction.scores, reverse=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_neighbours_do_not_matter(family: str, make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask) -> None:
    queries = [ask(seed, kb.ids[: 3 + seed], (30 + seed, 40), text=f"sentence {'very ' * seed}long") for seed in range(5)]
    whole, apart = make(family), make(family, batch_size=2)
    for task in whole.tasks:
        together = whole.link(queries, task)
        alone = [*apart.link(queries[:3], task), *apart.link(queries[3:4], task), *apart.link(queries[4:], task)]
        assert [one.ranked for one in together] == [one.ranked for one in alone]
        for one, other in zip(together, alone, strict=True):
            assert one.scores == pytest.approx(other.scores, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_s_embedding_does_not_depend_on_what_it_is_embedded_with(family: str, make: Callable[..., DualEncoder]) -> None:
    texts = [f"{'a' * length} flag" for length in (1, 3, 9, 14, 20, 27, 33)] * 3
    together = make(family).embed_texts(texts)
    assert together.norm(dim=-1).allclose(torch.ones(len(texts)))
    other = make(family)
    for text, row in zip(texts, together, strict=True):
        assert torch.equal(other.embed_texts([text])[0], row)


def test_the_query_text_is_a_choice(make: Callable[..., DualEncoder], ask: Ask, kb: KnowledgeBase) -> None:
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


def test_the_template_is_a_choice(make: Callable[..., DualEncoder], ask: Ask, kb: KnowledgeBase) -> None:
    linker = make("clip", template="{name}, {description}")
    asked = linker.embed_texts(["Chad: a flag of Chad waves"])[0]
    labels = linker.embed_texts([f"{entity.name}, {entity.description}" for entity in kb])
    assert torch.allclose(linker.scores([ask(0, kb.ids)], "T2T")[0], labels @ asked, atol=1e-6)


def test_normalising_before_the_sum_is_a_choice(make: Callable[..., DualEncoder], ask: Ask, kb: KnowledgeBase) -> None:
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
def test_a_parameter_out_of_range_is_named(parameters: dict[str, Any], named: str, make: Callable[..., DualEncoder]) -> None:
    with pytest.raises(UsageError, match=named):
        make("clip", **parameters)


@pytest.mark.parametrize("family", FAMILIES)
def test_texts_that_the_limit_cuts_are_counted_once_each(
    family: str, make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    linker = make(family)
    long, longer = "x" * 200, "x" * 300
    with caplog.at_level(logging.WARNING):
        linker.link([ask(0, kb.ids, text=long), ask(1, kb.ids, text=longer), ask(2, kb.ids, text=long)], "IT2T")
        linker.link([ask(3, kb.ids, text=long)], "T2T")
    assert linker.truncated_texts == 2
    assert sum("cut" in record.message for record in caplog.records) == 1
    # What is left is the head of the text: the surface is never cut by a long sentence.
    assert torch.equal(linker.embed_texts([long]), linker.embed_texts(["x" * 38]))


def test_odd_strings_are_read(make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask) -> None:
    linker = make("clip")
    texts = ["\ud800 lone", "a\x00b", "🏴‍☠️🚩", "שלום", "x" * 10_000, "{braces} {0}"]
    queries = [replace(ask(0, kb.ids, text=text), id=str(index)) for index, text in enumerate(texts)]
    assert all(prediction.error is None and len(prediction.ranked) == len(kb) for prediction in linker.link(queries, "T2T"))


def test_a_query_that_cannot_be_answered_gets_its_row_and_the_others_go_on(
    make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask, tmp_path: Path
) -> None:
    linker = make("clip")
    (tmp_path / "broken.png").write_bytes(b"<html>not found</html>")
    good = ask(0, kb.ids)
    queries = [
        replace(good, id="none", image=None),
        replace(good, id="gone", image=tmp_path / "gone.png"),
        good,
        replace(good, id="broken", image=tmp_path / "broken.png"),
        replace(good, id="stranger", candidates=("e0", "Q42")),
        replace(good, id="nil", candidates=()),
    ]
    found = linker.link(queries, "I2T")
    assert [one.id for one in found] == [one.id for one in queries]
    assert [one.error for one in found] == ["no_image", "image_missing", None, "image_decode", "unknown_candidate", None]
    assert found[2].scores == pytest.approx(linker.link([good], "I2T")[0].scores, abs=1e-6)
    assert (found[5].ranked, found[5].scores) == ((), ())
    assert all(one.seconds > 0 for one in found)
    assert all(one.error is None for one in linker.link(queries[:2], "T2T"))  # which reads no image
    with pytest.raises(ImageError):
        linker.scores(queries[:1], "I2T")
    with pytest.raises(MissingError, match="Q42"):
        linker.scores([queries[4]], "I2T")


def test_without_any_text_the_image_decides_alone(make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask) -> None:
    linker = make("clip")
    silent = replace(ask(0, kb.ids), text="", surface="")
    assert torch.allclose(linker.scores([silent], "IT2T"), linker.scores([silent], "I2T"), atol=1e-6)
    assert linker.link([silent], "T2T")[0].error == "no_text"


def test_a_candidate_listed_twice_is_ranked_once(make: Callable[..., DualEncoder], ask: Ask) -> None:
    linker = make("clip")
    found = linker.link([ask(0, ("e1", "e0", "e1"))], "I2T")[0]
    assert sorted(found.ranked) == ["e0", "e1"]
    assert linker.scores([ask(0, ("e1", "e0", "e1"))], "I2T").shape == (1, 3)


def test_nothing_asked_nothing_answered(make: Callable[..., DualEncoder]) -> None:
    linker = make("clip")
    assert linker.link([], "IT2T") == []
    assert linker.scores([], "IT2T").shape == (0, 0)


def test_a_batch_that_does_not_fit_is_halved(
    make: Callable[..., DualEncoder],
    kb: KnowledgeBase,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    linker = make("clip")
    queries = [ask(seed, kb.ids, (32, 32 if seed != 3 else 64)) for seed in range(5)]
    expected = linker.link(queries, "I2T")
    whole = type(linker).image_features

    def tight(model: Any, pixel_values: torch.Tensor) -> torch.Tensor:
        if len(pixel_values) > 2 or torch.equal(pixel_values, blocked):
            raise torch.OutOfMemoryError("CUDA out of memory")
        return whole(model, pixel_values)

    assert queries[3].image is not None
    blocked = linker.preprocessing.pictures([decode(queries[3].image)])
    monkeypatch.setattr(type(linker), "image_features", staticmethod(tight))
    with caplog.at_level(logging.WARNING):
        found = linker.link(queries, "I2T")
    for one, other in zip(found, expected, strict=True):
        assert one.scores == pytest.approx(other.scores, abs=1e-6)
    assert any("out of memory" in record.message for record in caplog.records)
    assert linker.link([queries[3]], "I2T")[0].error == "out_of_memory"


def test_scores_that_are_not_finite_are_an_error(
    make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    linker = make("clip")
    monkeypatch.setattr(
        type(linker), "image_features", staticmethod(lambda model, pixel_values: torch.full((len(pixel_values), 24), math.nan))
    )
    assert linker.link([ask(0, kb.ids)], "I2T")[0].error == "non_finite"


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_is_frozen_float32_and_in_evaluation_mode(family: str, make: Callable[..., DualEncoder]) -> None:
    linker = make(family)
    assert not linker.model.training
    assert all(not one.requires_grad and one.dtype == torch.float32 for one in linker.model.parameters())
    assert linker.logit_scale == pytest.approx(float(np.exp(float(linker.model.logit_scale))))


def test_an_attack_loop_embeds_its_texts_once(
    make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
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


def test_the_text_alone_has_no_gradient(make: Callable[..., DualEncoder], kb: KnowledgeBase, ask: Ask) -> None:
    with pytest.raises(UsageError, match="T2T"):
        make("clip").logits(torch.rand(1, 3, 32, 32), [ask(0, kb.ids)], "T2T")
