"""What BLIP-2 does its own way: several vectors an image, texts read by the Q-Former, places for an image in the prompt."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, Blip2Config, Blip2ForImageTextRetrieval

from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers.blip2 import BLIP2
from robustmel.types import Query

SIZES = [(32, 32), (333, 500), (97, 61), (1, 40), (40, 1), (1, 1)]
QUERIES = 3


class Library:
    """Nothing but the library's model, tokenizer and image processor."""

    def __init__(self, folder: Path) -> None:
        self.model: Any = Blip2ForImageTextRetrieval.from_pretrained(folder).eval()
        self.processor: Any = AutoImageProcessor.from_pretrained(folder, backend="pil")
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder)

    def __call__(self, image: Path, text: str, places: int = 0) -> Any:
        """What it gives an image and a text, before which so many places for an image stand."""
        tokens = self.tokenizer(text, return_tensors="pt")
        before = torch.zeros(1, places, dtype=torch.long)
        with torch.no_grad():
            return self.model(
                pixel_values=self.processor(images=Image.open(image), return_tensors="pt")["pixel_values"],
                input_ids=torch.cat([before, tokens["input_ids"]], 1),
                attention_mask=torch.cat([before + 1, tokens["attention_mask"]], 1),
            )


def test_scores_are_the_library_s_contrastive_scores(
    blip2_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    linker, library = BLIP2(kb, model=str(blip2_folder), device="cpu"), Library(blip2_folder)
    for size in SIZES:
        image = picture(*size)
        expected = torch.stack([library(image, f"a photo of {entity.name}").logits_per_image[0, 0] for entity in kb])
        assert expected.std() > 0.01
        found = linker.scores([Query("q", "", "", None, image, kb.ids)], "I2T")[0]
        torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


def test_places_for_an_image_before_a_text_change_nothing(
    blip2_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path], tmp_path: Path
) -> None:
    """With `image_token_index` set the library takes as many tokens off a text as there are queries; here none were added."""
    folder = shutil.copytree(blip2_folder, tmp_path / "model")
    config = Blip2Config.from_pretrained(folder)
    config.image_token_index = 258
    config.save_pretrained(folder)
    image = picture(40, 51)
    query = Query("q", "a flag of Chad", "Chad", None, image, kb.ids)
    marked, plain = (BLIP2(kb, model=str(one), device="cpu") for one in (folder, blip2_folder))
    for task in plain.tasks:
        assert torch.equal(marked.scores([query], task), plain.scores([query], task))
    expected = Library(folder)(image, "a photo of Chad", places=QUERIES).logits_per_image[0, 0]
    assert float(marked.scores([query], "I2T")[0, 0]) == pytest.approx(float(expected), abs=2e-6)


@pytest.mark.parametrize("normalise", [True, False])
def test_the_best_sum_of_a_query_vector_and_the_text_counts(
    normalise: bool, blip2_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    """Vector by vector from the library's own embeddings."""
    image = picture(97, 61)
    query = Query("q", "a flag of Chad", "Chad", None, image, kb.ids)
    linker = BLIP2(kb, model=str(blip2_folder), device="cpu", normalise=normalise)
    library = Library(blip2_folder)
    labels = [library(image, f"a photo of {entity.name}").text_embeds[0].double() for entity in kb]
    given = library(image, "Chad: a flag of Chad")
    vectors, said = given.image_embeds[0].double(), given.text_embeds[0].double()
    assert vectors.shape == (QUERIES, 24)
    if not normalise:  # the same directions, of the lengths that the heads give them
        pixels = linker.preprocessing.pictures([decode(image)])
        vectors = linker.image_features(linker.model, pixels)[0].double()
        said = linker.text_tower.embed(["Chad: a flag of Chad"])[0].double()
    for task, sums in (("IT2T", vectors + said), ("I2T", vectors), ("T2T", said[None])):
        expected = [max(float(one @ label / one.norm()) for one in sums) for label in labels]
        assert linker.scores([query], task)[0].tolist() == pytest.approx(expected, abs=2e-6)
    chosen = {max(range(QUERIES), key=lambda place: float(vectors[place] @ label)) for label in labels}
    assert len(chosen) > 1  # or this would say nothing about the choice


def test_the_scale_is_the_configuration_s_where_it_states_one(blip2_folder: Path, kb: KnowledgeBase, tmp_path: Path) -> None:
    assert BLIP2(kb, model=str(blip2_folder), device="cpu").logit_scale == pytest.approx(1 / 0.07)
    folder = shutil.copytree(blip2_folder, tmp_path / "model")
    config = Blip2Config.from_pretrained(folder)
    config.logit_scale_init_value = math.log(31)
    config.save_pretrained(folder)
    assert BLIP2(kb, model=str(folder), device="cpu").logit_scale == pytest.approx(31)


def test_the_limit_is_the_q_former_s_and_not_the_language_model_s(blip2_folder: Path, kb: KnowledgeBase) -> None:
    linker = BLIP2(kb, model=str(blip2_folder), device="cpu")
    assert linker.model.config.text_config.max_position_embeddings == 2048
    assert linker.text_tower.limit == 40
    linker.tokenizer.model_max_length = 10**6
    assert linker.text_limit(linker.model.config, linker.tokenizer) == 40
