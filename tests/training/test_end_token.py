"""Where OWL-ViT reads a text: at its end token, which must therefore have the largest id."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from transformers import AutoTokenizer

from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.encoder import fresh_encoder
from robustmel.training.texts import END, PAD, START

TEXTS = ["a photo of romania", "Romania met Moldova at noon", "the flag of Côte d'Ivoire " * 9]


def test_a_text_is_read_at_its_end(recipe: DualEncoderRecipe) -> None:
    encoder = fresh_encoder(replace(recipe, family="owlvit"), TEXTS)
    inputs = encoder.bank(TEXTS).batch(torch.arange(len(TEXTS)))
    model = encoder.model.eval()
    with torch.inference_mode():
        read = model.get_text_features(**inputs)
        ends = inputs["attention_mask"].sum(1) - 1
        expected = model.text_projection(read.last_hidden_state[torch.arange(len(TEXTS)), ends])
    assert torch.equal(inputs["input_ids"].gather(1, ends[:, None]), torch.full((3, 1), encoder.tokenizer.eos_token_id))
    torch.testing.assert_close(read.pooler_output, expected)


def test_its_tokenizer_has_the_size_asked_for_and_loads_again(recipe: DualEncoderRecipe, tmp_path: Path) -> None:
    tokenizer = fresh_encoder(replace(recipe, family="owlvit"), TEXTS).tokenizer
    others = fresh_encoder(recipe, TEXTS).tokenizer
    assert len(tokenizer) == len(others) == recipe.architecture.vocabulary
    tokenizer.save_pretrained(tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.convert_tokens_to_ids([START, PAD, END]) == [0, 1, len(loaded) - 1]
    assert loaded(TEXTS) == tokenizer(TEXTS)
    assert loaded.decode(loaded(TEXTS[0])["input_ids"], skip_special_tokens=True).strip() == TEXTS[0]
