"""Dual encoders on tiny models: against the library's own model, and against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robustmel.errors import UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Query

Ask = Callable[..., Query]
Make = Callable[..., DualEncoder]
FAMILIES = ["align", "blip", "blip2", "clip", "flava", "owlvit", "siglip"]


def by_library(folder: Path, family: str, image: Path, texts: list[str]) -> tuple[torch.Tensor, torch.Tensor]:
    """Unit embeddings of an image and of texts, each text alone, by nothing but the library."""
    import transformers

    model = transformers.AutoModel.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    longest = model.config.text_config.max_position_embeddings
    padding = {"padding": "max_length", "max_length": longest} if family in ("align", "siglip") else {}
    token = (slice(None), 0) if family == "flava" else slice(None)  # the library gives one vector a patch and a token
    found = []
    with torch.no_grad():
        pixel_values = processor(images=Image.open(image).convert("RGB"), return_tensors="pt")["pixel_values"]
        seen = model.get_image_features(pixel_values=pixel_values).pooler_output[token]
        for text in texts:
            inputs = tokenizer(text, truncation=True, return_tensors="pt", **padding)
            kept = {"input_ids": inputs["input_ids"]} if family == "siglip" else dict(inputs)
            kept.pop("token_type_ids", None)
            found.append(model.get_text_features(**kept).pooler_output[token])
    return torch.nn.functional.normalize(seen, dim=-1)[0], torch.nn.functional.normalize(torch.cat(found), dim=-1)


@pytest.mark.parametrize("family", ["align", "clip", "flava", "owlvit", "siglip"])
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


@pytest.mark.parametrize("family", FAMILIES)
def test_transparency_lies_over_white(family: str, make: Make, kb: KnowledgeBase, picture: Any, tmp_path: Path) -> None:
    path = picture(40, 30, "RGBA")
    layered = Image.open(path)
    flat = Image.new("RGB", layered.size, "white")
    flat.paste(layered, mask=layered.getchannel("A"))
    flat.save(tmp_path / "flat.png")
    queries = [Query(str(index), "", "", None, image, kb.ids) for index, image in enumerate((path, tmp_path / "flat.png"))]
    scores = make(family).scores(queries, "I2T")
    assert torch.allclose(scores[0], scores[1], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("task", ["I2T", "IT2T"])
def test_logits_are_what_link_ranks_by(family: str, task: Any, make: Make, kb: KnowledgeBase, ask: Ask) -> None:
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
def test_candidates_of_one_name_tie_to_the_last_bit(family: str, make: Make, kb: KnowledgeBase, ask: Ask) -> None:
    linker = make(family)
    queries = [ask(seed, kb.ids[seed % 4 :], (32 + seed, 40)) for seed in range(12)]
    for task in linker.tasks:
        for prediction in linker.link(queries, task):
            score = dict(zip(prediction.ranked, prediction.scores, strict=True))
            assert score["e4"] == score["e5"]
            assert prediction.ranked.index("e5") == prediction.ranked.index("e4") + 1
            assert list(prediction.scores) == sorted(prediction.scores, reverse=True)


@pytest.mark.parametrize("family", FAMILIES)
def test_neighbours_do_not_matter(family: str, make: Make, kb: KnowledgeBase, ask: Ask) -> None:
    queries = [ask(seed, kb.ids[: 3 + seed], (30 + seed, 40), text=f"sentence {'very ' * seed}long") for seed in range(5)]
    whole, apart = make(family), make(family, batch_size=2)
    for task in whole.tasks:
        together = whole.link(queries, task)
        alone = [*apart.link(queries[:3], task), *apart.link(queries[3:4], task), *apart.link(queries[4:], task)]
        assert [one.ranked for one in together] == [one.ranked for one in alone]
        for one, other in zip(together, alone, strict=True):
            assert one.scores == pytest.approx(other.scores, abs=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_model_is_frozen_float32_and_in_evaluation_mode(family: str, make: Make) -> None:
    linker = make(family)
    assert not linker.model.training
    assert all(not one.requires_grad and one.dtype == torch.float32 for one in linker.model.parameters())


def test_the_scale_is_the_learnt_temperature(make: Make) -> None:
    for family in ("clip", "siglip"):
        linker = make(family)
        assert linker.logit_scale == pytest.approx(float(np.exp(float(linker.model.logit_scale))))


def test_the_text_alone_has_no_gradient(make: Make, kb: KnowledgeBase, ask: Ask) -> None:
    with pytest.raises(UsageError, match="T2T"):
        make("clip").logits(torch.rand(1, 3, 32, 32), [ask(0, kb.ids)], "T2T")
