"""Tiny multimodal language models of random weights, saved in the layouts of their families, and questions about drawn shapes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.linkers.architecture import Architecture
from robustmel.linkers.trial import trial_set
from robustmel.training.publish import publish
from robustmel.training.texts import learn_tokenizer
from robustmel.types import Query

FAMILIES = ("llava", "qwen2.5-vl", "minigpt4")
TINY = Architecture(image_size=24, vision_width=32, vision_depth=2, text_width=32, text_depth=2, heads=2)


def tiny_model(family: str, folder: Path, shape: Architecture = TINY) -> Path:
    """A folder as `robustmel train mllm` writes it; larger weights than usual, so that images and texts make a difference."""
    made: Any = LINKERS.load(family).family
    tokenizer = learn_tokenizer(["What is it? a red disc, a blue square 1 2 3"], 300, 512, masked=True, generative=True)
    tokenizer.add_special_tokens({"additional_special_tokens": list(made.special_tokens)})
    tokenizer.chat_template = made.template
    torch.manual_seed(0)
    model = made.fresh(shape, tokenizer)
    with torch.no_grad():
        for parameter in model.network.parameters():
            parameter.mul_(4 if parameter.ndim > 1 and family != "minigpt4" else 1)  # which begins with larger ones
    folder.mkdir()
    model.save(folder)
    publish(model.network, tokenizer, folder, "float32")
    return folder


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("mllm")
    return {family: tiny_model(family, root / family) for family in FAMILIES}


@pytest.fixture(scope="session")
def larger_qwen(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One whose images have several rows and columns of vectors."""
    return tiny_model("qwen2.5-vl", tmp_path_factory.mktemp("larger") / "qwen", replace(TINY, image_size=64))


@pytest.fixture(scope="session")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[KnowledgeBase, list[Query]]:
    """Questions of two image sizes and three lengths of lists; the last has no candidates."""
    return trial_set(tmp_path_factory.mktemp("trial"))
