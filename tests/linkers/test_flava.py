"""What FLAVA does its own way: one vector a token, and a file that holds more than a dual encoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, FlavaForPreTraining

from robustmel.kb import KnowledgeBase
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Query

Make = Callable[..., DualEncoder]


def test_cosines_times_the_scale_are_the_logits_that_flava_is_pre_trained_with(
    make: Make, flava_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    image = picture(97, 61)
    labels = [f"a photo of {one.name}" for one in kb]
    tokens = AutoTokenizer.from_pretrained(flava_folder)(labels, padding=True, return_tensors="pt")
    processor = AutoImageProcessor.from_pretrained(flava_folder, backend="pil")
    pixel_values = processor(images=Image.open(image), return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        expected = (
            FlavaForPreTraining.from_pretrained(flava_folder)
            .eval()(
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
                pixel_values=pixel_values.expand(len(labels), -1, -1, -1),
                return_loss=False,
            )
            .contrastive_logits_per_image
        )
    linker = make("flava")
    found = linker.scores([Query("q", "", "", None, image, kb.ids)], "I2T") * linker.logit_scale
    torch.testing.assert_close(found, expected[:1], atol=5e-5, rtol=1e-5)


def test_what_codebook_and_masks_a_processor_makes_beside_the_pixels_is_left_alone(make: Make) -> None:
    preprocessing = make("flava").preprocessing
    assert preprocessing.processor.return_codebook_pixels
    assert preprocessing.understood
