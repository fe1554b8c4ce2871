"""What ALIGN does its own way: batch norms, a temperature that divides, 64 tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from transformers import AlignModel, AutoImageProcessor, AutoTokenizer

from robustmel.kb import KnowledgeBase
from robustmel.linkers.align import ALIGN
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Query

Make = Callable[..., DualEncoder]


def test_cosines_times_the_scale_are_the_library_s_logits(
    make: Make, align_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    image = picture(97, 61)
    tokens = AutoTokenizer.from_pretrained(align_folder)(
        [f"a photo of {one.name}" for one in kb], padding="max_length", return_tensors="pt"
    )
    processor = AutoImageProcessor.from_pretrained(align_folder, backend="pil")
    pixel_values = processor(images=Image.open(image), return_tensors="pt")["pixel_values"]
    assert float(pixel_values.min()) < -0.5  # between -1 and 1, not between 0 and 1
    with torch.no_grad():
        model = AlignModel.from_pretrained(align_folder).eval()
        model.temperature.fill_(0.05)
        expected = model(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], pixel_values=pixel_values
        ).logits_per_image
    linker = make("align")
    linker.model.temperature.fill_(0.05)
    linker.logit_scale = linker.temperature(linker.model)
    found = linker.scores([Query("q", "", "", None, image, kb.ids)], "I2T") * linker.logit_scale
    assert linker.logit_scale == pytest.approx(20)
    torch.testing.assert_close(found, expected, atol=5e-5, rtol=1e-5)


def test_an_image_s_embedding_does_not_depend_on_its_batch(make: Make) -> None:
    linker = make("align")
    before = {name: value.clone() for name, value in linker.model.named_buffers()}
    pixels = (
        torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * torch.linspace(0.1, 1, 5)[:, None, None, None]
    )
    together = linker.image_features(linker.model, pixels)
    alone = torch.cat([linker.image_features(linker.model, one[None]) for one in pixels])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert all(torch.equal(value, before[name]) for name, value in linker.model.named_buffers())


@pytest.mark.parametrize(("table", "tokenizer", "limit"), [(512, 512, 64), (512, 48, 48), (40, 512, 40)])
def test_texts_have_64_tokens_at_most(table: int, tokenizer: int, limit: int) -> None:
    config = SimpleNamespace(text_config=SimpleNamespace(max_position_embeddings=table))
    assert ALIGN.text_limit(config, SimpleNamespace(model_max_length=tokenizer)) == limit
