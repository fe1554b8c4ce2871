"""What BLIP does its own way: a retrieval model's contrastive scores, WordPiece texts, and a temperature in the configuration."""

from __future__ import annotations

import math
import shutil
import string
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from transformers import AutoImageProcessor, AutoTokenizer, BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval

from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.blip import BLIP
from robustmel.types import Query

SIZES = [(32, 32), (333, 500), (97, 61), (1, 40), (40, 1), (1, 1)]


@pytest.fixture(scope="module")
def wordpiece_folder(blip_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model with a tokenizer of the kind that published ones have."""
    from transformers import BertTokenizer

    folder = shutil.copytree(blip_folder, tmp_path_factory.mktemp("wordpiece") / "model")
    letters = [*string.ascii_lowercase, *(f"##{one}" for one in string.ascii_lowercase)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ":", "photo", "of", "chad", "##ia", *letters]
    vocabulary = {word: index for index, word in enumerate(words)}
    BertTokenizer(vocab=vocabulary, model_max_length=40).save_pretrained(folder)
    return folder


def by_library(folder: Path, images: list[Image.Image], texts: list[str]) -> torch.Tensor:
    """The cosines that the library's model gives images and texts, each text alone."""
    model = BlipForImageTextRetrieval.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    pixel_values = torch.cat([processor(images=one, return_tensors="pt")["pixel_values"] for one in images])
    found = []
    with torch.no_grad():
        for text in texts:
            tokens = tokenizer(text, return_tensors="pt")
            inputs = {"input_ids": tokens["input_ids"], "attention_mask": tokens["attention_mask"]}
            found.append(model(pixel_values=pixel_values, use_itm_head=False, **inputs).itm_score)
    return torch.cat(found, 1)


@pytest.mark.parametrize("kind", ["blip_folder", "wordpiece_folder"])
def test_scores_are_the_library_s_contrastive_scores(
    kind: str, kb: KnowledgeBase, picture: Callable[..., Path], request: pytest.FixtureRequest
) -> None:
    folder: Path = request.getfixturevalue(kind)
    linker = BLIP(kb, model=str(folder), device="cpu")
    labels = [f"a photo of {entity.name}" for entity in kb]
    images = [picture(*size) for size in SIZES]
    expected = by_library(folder, [Image.open(one) for one in images], labels)
    assert expected.std(1).min() > 0.01
    found = linker.scores([Query(str(one), "", "", None, one, kb.ids) for one in images], "I2T")
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=0)


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_transparent_images_are_read_as_colour_over_white(
    mode: str, blip_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    image = picture(50, 33, mode)
    white = Image.new("RGBA", (33, 50), "white")
    flat = Image.alpha_composite(white, Image.open(image).convert("RGBA")).convert("RGB")
    found = BLIP(kb, model=str(blip_folder), device="cpu").scores([Query("q", "", "", None, image, kb.ids)], "I2T")[0]
    expected = by_library(blip_folder, [flat], [f"a photo of {entity.name}" for entity in kb])[0]
    torch.testing.assert_close(found, expected, atol=5e-4, rtol=0)  # two libraries may round a blend differently


def test_texts_and_both_together_are_compared_in_the_same_space(
    blip_folder: Path, kb: KnowledgeBase, picture: Callable[..., Path]
) -> None:
    """Against embeddings taken apart by hand, in float64."""
    model = BlipForImageTextRetrieval.from_pretrained(blip_folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(blip_folder)
    query = Query("q", "a flag of Chad", "Chad", None, picture(97, 61), kb.ids)
    assert query.image is not None
    pixels = AutoImageProcessor.from_pretrained(blip_folder, backend="pil")(Image.open(query.image), return_tensors="pt")

    def unit(text: str) -> torch.Tensor:
        read = model.text_encoder(tokenizer(text, return_tensors="pt")["input_ids"]).last_hidden_state[0, 0]
        return torch.nn.functional.normalize(model.text_proj(read).double(), dim=0)

    with torch.no_grad():
        seen = model.vision_proj(model.vision_model(pixels["pixel_values"]).last_hidden_state[0, 0]).double()
        said = unit("Chad: a flag of Chad")
        labels = torch.stack([unit(f"a photo of {entity.name}") for entity in kb])
    linker = BLIP(kb, model=str(blip_folder), device="cpu")
    both = seen / seen.norm() + said
    for task, expected in (("T2T", labels @ said), ("IT2T", labels @ both / both.norm())):
        torch.testing.assert_close(linker.scores([query], task)[0].double(), expected, atol=2e-6, rtol=0)


def test_the_scale_is_the_configuration_s(blip_folder: Path, kb: KnowledgeBase, tmp_path: Path) -> None:
    assert BLIP(kb, model=str(blip_folder), device="cpu").logit_scale == pytest.approx(1 / 0.07, rel=1e-4)
    folder = shutil.copytree(blip_folder, tmp_path / "model")
    config = BlipConfig.from_pretrained(folder)
    config.logit_scale_init_value = math.log(31)
    config.save_pretrained(folder)
    assert BLIP(kb, model=str(folder), device="cpu").logit_scale == pytest.approx(31)


def test_a_captioning_model_is_no_retrieval_model(blip_folder: Path, kb: KnowledgeBase, tmp_path: Path) -> None:
    folder = shutil.copytree(blip_folder, tmp_path / "model")
    BlipForConditionalGeneration(BlipConfig.from_pretrained(folder)).save_pretrained(folder)
    with pytest.raises(MissingError, match="BlipForImageTextRetrieval"):
        BLIP(kb, model=str(folder), device="cpu")
