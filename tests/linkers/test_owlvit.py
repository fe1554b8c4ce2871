"""What OWL-ViT does its own way: a detector's file, 16 tokens, and an end token that is found by its id."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, OwlViTConfig, OwlViTForObjectDetection, OwlViTModel

from robustmel.kb import KnowledgeBase
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.linkers.owlvit import OWLViT
from robustmel.types import Entity, Query

Make = Callable[..., DualEncoder]


def test_cosines_times_the_scale_are_the_library_s_logits(
    make: Make, owlvit_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    image = picture(97, 61)
    labels = [f"a photo of {one.name}" for one in kb]
    tokens = AutoTokenizer.from_pretrained(owlvit_folder)(labels, padding="max_length", return_tensors="pt")
    processor = AutoImageProcessor.from_pretrained(owlvit_folder, backend="pil")
    pixel_values = processor(images=Image.open(image), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = (
            OwlViTModel.from_pretrained(owlvit_folder)
            .eval()(input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"], pixel_values=pixel_values)
            .logits_per_image
        )
    linker = make("owlvit")
    found = linker.scores([Query("q", "", "", None, image, kb.ids)], "I2T") * linker.logit_scale
    torch.testing.assert_close(found, expected, atol=5e-5, rtol=1e-5)


def test_published_models_read_16_tokens_and_what_they_do_not_read_is_counted(
    owlvit_folder: Path, tmp_path: Path, picture: Callable[..., Path]
) -> None:
    shutil.copytree(owlvit_folder, tmp_path / "model")
    config = OwlViTConfig.from_pretrained(owlvit_folder)
    config.text_config.max_position_embeddings = OwlViTConfig().text_config.max_position_embeddings
    OwlViTForObjectDetection(config).save_pretrained(tmp_path / "model")
    names = ("Chad", "Saint Kitts and Nevis", "Saint Kitts and Nepal")  # one token a letter: the last two are cut alike
    kb = KnowledgeBase(Entity(f"e{index}", name) for index, name in enumerate(names))
    linker = OWLViT(kb, model=str(tmp_path / "model"), template="{name}", device="cpu")
    found = linker.link([Query("q", "Chad", "", None, picture(40, 40), kb.ids)], "IT2T")[0]
    assert linker.text_tower.limit == 16
    assert len(linker.text_tower.cut) == 2
    assert found.scores[found.ranked.index("e1")] == found.scores[found.ranked.index("e2")]
    assert linker.tokenizer.eos_token_id == max(linker.text_tower.tokens(names)[1])
