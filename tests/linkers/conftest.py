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
def blip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import BlipConfig, BlipForImageTextRetrieval
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder = tmp_path_factory.mktemp("blip")
    torch.manual_seed(2)
    spread = {"initializer_range": 0.2}  # towers of this size hardly look at the image with the usual one
    config = BlipConfig(text_config=TEXT | spread, vision_config=VISION | spread, image_text_hidden_size=24)
    BlipForImageTextRetrieval(config).save_pretrained(folder)
    BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def blip2_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import Blip2Config, Blip2ForImageTextRetrieval
    from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil

    folder = tmp_path_factory.mktemp("blip2")
    torch.manual_seed(3)
    spread = {"initializer_range": 0.2}
    config = Blip2Config(
        vision_config=VISION | spread,
        qformer_config=TEXT | spread | {"use_qformer_text_input": True},
        num_query_tokens=3,
        image_text_hidden_size=24,
    )
    model = Blip2ForImageTextRetrieval(config)
    torch.nn.init.normal_(model.query_tokens)  # zeros in the library: all query vectors would be one
    model.save_pretrained(folder)
    BlipImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def align_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AlignConfig, AlignModel
    from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil

    folder = tmp_path_factory.mktemp("align")
    torch.manual_seed(4)
    spread = {"initializer_range": 0.2}
    vision = spread | {
        "width_coefficient": 0.5,
        "depth_coefficient": 1.0,
        "in_channels": [32, 32, 48],
        "out_channels": [32, 48, 64],
        "kernel_sizes": [3, 5, 3],
        "strides": [1, 2, 2],
        "num_block_repeats": [1, 2, 1],
        "expand_ratios": [1, 2, 2],
    }
    model = AlignModel(AlignConfig(text_config=TEXT | spread, vision_config=vision, projection_dim=32))
    model.vision_model.train()(torch.randn(64, 3, SIDE, SIDE))  # statistics that are not those of the start
    model.save_pretrained(folder)
    EfficientNetImageProcessorPil(
        size={"height": 40, "width": 40},
        crop_size={"height": SIDE, "width": SIDE},
        do_center_crop=True,
        resample=2,
        rescale_factor=1 / 127.5,
        rescale_offset=True,
        do_normalize=False,
        include_top=False,
    ).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def flava_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the published model: what it was pre-trained with lies in the same file."""
    from transformers import FlavaConfig, FlavaForPreTraining
    from transformers.models.flava.image_processing_pil_flava import FlavaImageProcessorPil

    folder = tmp_path_factory.mktemp("flava")
    torch.manual_seed(5)
    spread = {"initializer_range": 0.2}
    config = FlavaConfig(
        text_config=TEXT | spread,
        image_config=VISION | spread | {"vocab_size": 8},
        multimodal_config=TOWER,
        hidden_size=TOWER["hidden_size"],
        projection_dim=24,
        init_codebook=False,
    )
    FlavaForPreTraining(config).save_pretrained(folder)
    FlavaImageProcessorPil(
        size={"height": SIDE, "width": SIDE}, crop_size={"height": SIDE, "width": SIDE}, return_codebook_pixels=True
    ).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def owlvit_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the published models: with the heads of a detector."""
    from transformers import OwlViTConfig, OwlViTForObjectDetection
    from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil

    folder = tmp_path_factory.mktemp("owlvit")
    torch.manual_seed(6)
    spread = {"initializer_factor": 3.0}
    config = OwlViTConfig(text_config=TEXT | spread, vision_config=VISION | spread, projection_dim=24)
    OwlViTForObjectDetection(config).save_pretrained(folder)
    OwlViTImageProcessorPil(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    save_tokenizer(folder)
    return folder


@pytest.fixture(scope="session")
def kb() -> KnowledgeBase:
    names = ["Chad", "Romania", "India", "Lima", "Georgia", "Georgia", "Ireland", "Samoa"]
    return KnowledgeBase(Entity(f"e{index}", name, description=f"thing {index}") for index, name in enumerate(names))


@pytest.fixture(scope="session")
def folders(request: pytest.FixtureRequest) -> dict[str, Path]:
    names = ("align", "blip", "blip2", "clip", "flava", "owlvit", "siglip")
    return {name: request.getfixturevalue(f"{name}_folder") for name in names}


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
