"""Tiny models with random weights, saved in the layout of published ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.dual_encoder import DualEncoder
from robustmel.types import Entity, Query

SIDE = 32
LIMIT = 40


def save_tokenizer(folder: Path) -> None:
    """One token a byte, with a start and an end token, in the way of CLIP's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    names = [*alphabet, "<pad>", "<start>", "<end>"]
    vocabulary = {name: index for index, name in enumerate(names)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    ends = [(name, vocabulary[name]) for name in ("<start>", "<end>")]
    tokenizer.post_processor = processors.TemplateProcessing(single="<start> $A <end>", special_tokens=ends)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<start>", eos_token="<end>", model_max_length=LIMIT
    )
    fast.save_pretrained(folder)


TOWER = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2}
TEXT = TOWER | {
    "vocab_size": 259,
    "max_position_embeddings": LIMIT,
    "pad_token_id": 256,
    "bos_token_id": 257,
    "eos_token_id": 258,
}
VISION = TOWER | {"image_size": SIDE, "patch_size": 8}


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import CLIPConfig, CLIPModel
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=TEXT, vision_config=VISION, projection_dim=24))
    with torch.no_grad():
        for parameter in model.vision_model.parameters():
            parameter.mul_(3)  # random towers of this size hardly look at the image otherwise
    model.save_pretrained(folder)
    processor = CLIPImageProcessorPil(size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE})
    processor.save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import SiglipConfig, SiglipModel
    from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

    folder = tmp_path_factory.mktemp("siglip")
    torch.manual_seed(1)
    text = TEXT | {"projection_size": 32}
    SiglipModel(SiglipConfig(text_config=text, vision_config=VISION)).save_pretrained(folder)
    SiglipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def kb() -> KnowledgeBase:
    names = ["Chad", "Romania", "India", "Lima", "Georgia", "Georgia", "Ireland", "Samoa"]
    return KnowledgeBase(Entity(f"e{index}", name, description=f"thing {index}") for index, name in enumerate(names))


@pytest.fixture(scope="session")
def folders(clip_folder: Path, siglip_folder: Path) -> dict[str, Path]:
    return {"clip": clip_folder, "siglip": siglip_folder}


@pytest.fixture(scope="session")
def make(folders: dict[str, Path], kb: KnowledgeBase) -> Callable[..., DualEncoder]:
    def build(family: str, **parameters: Any) -> DualEncoder:
        linker: DualEncoder = LINKERS.create(family, kb, model=str(folders[family]), device="cpu", **parameters)
        return linker

    return build


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    """Writes a random image of a given size and mode and gives its path."""

    def write(height: int, width: int, mode: str = "RGB", seed: int = 0) -> Path:
        shape = (height, width, {"L": 1, "RGB": 3, "RGBA": 4}[mode])
        values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
        path = tmp_path / f"{mode}-{height}x{width}-{seed}.png"
        Image.fromarray(values.squeeze(2) if mode == "L" else values, mode).save(path)
        return path

    return write


@pytest.fixture
def ask(picture: Callable[..., Path]) -> Callable[..., Query]:
    """A query with an image of its own."""

    def query(
        seed: int, candidates: tuple[str, ...], size: tuple[int, int] = (SIDE, SIDE), text: str = "a flag of Chad waves"
    ) -> Query:
        return Query(f"q{seed}", text, "Chad", None, picture(*size, seed=seed), candidates)

    return query
