"""Tiny language models of random weights, one of each family, and a GEMEL between tiny models."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from robustmel.kb import KnowledgeBase
from robustmel.linkers.gemel.checkpoint import Demo, GemelCheckpoint, Settings
from robustmel.linkers.gemel.language_model import LanguageModel
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.weights import EMBEDDED
from robustmel.types import Query

if TYPE_CHECKING:
    from .by_hand import ByHand

VOCABULARY, END = 30, 1
SHAPE = {"vocab_size": VOCABULARY, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
SHAPE |= {"max_position_embeddings": 48, "bos_token_id": 0, "eos_token_id": END, "pad_token_id": None}
FAMILIES: dict[str, dict[str, Any]] = {
    "OPT": {"ffn_dim": 32, "word_embed_proj_dim": 16},
    "Llama": {"intermediate_size": 32, "num_key_value_heads": 1},
    "Qwen2": {"intermediate_size": 32, "num_key_value_heads": 2},
    "GPTNeoX": {"intermediate_size": 32},  # its configuration says that it is no decoder
}

NO_BRANCHES: dict[str, dict[str, Any]] = {
    "Mistral": {"intermediate_size": 32, "num_key_value_heads": 1, "sliding_window": 4},
    "Bloom": {},
}
"""Networks on whose cache beams cannot share a row: a window of the last tokens, positions counted from the mask."""


def word_tokenizer(start: bool = True) -> Any:
    """One token a word; it knows no padding."""
    from transformers import PreTrainedTokenizerFast

    words = ["<start>", "<end>", *(f"w{index}" for index in range(2, VOCABULARY - 1)), "a"]
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(words)}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    if start:
        tokenizer.post_processor = processors.TemplateProcessing(single="<start> $A", special_tokens=[("<start>", 0)])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<start>", eos_token="<end>")


@pytest.fixture(scope="session")
def network() -> Callable[..., Any]:
    """A network in float64, whose rounding decides no comparison; the larger `spread`, the surer it is of its tokens."""
    import transformers

    def make(family: str = "OPT", seed: int = 0, spread: float = 0.5, **changed: Any) -> Any:
        torch.manual_seed(seed)
        config = getattr(transformers, f"{family}Config")(**SHAPE | (FAMILIES | NO_BRANCHES)[family] | changed)
        made = getattr(transformers, f"{family}ForCausalLM")(config).eval()
        made = made if family == "Bloom" else made.double()  # whose masked attention is NaN in float64
        with torch.no_grad():
            for name, parameter in made.named_parameters():
                if parameter.ndim > 1:
                    parameter.normal_(std=spread)
                elif name.endswith("bias"):
                    parameter.normal_(std=0.1)
        return made

    return make


@pytest.fixture(scope="session")
def language_model(network: Callable[..., Any]) -> Callable[..., LanguageModel]:
    def make(family: str = "OPT", **about: Any) -> LanguageModel:
        return LanguageModel(network(family, **about), word_tokenizer())

    return make


@pytest.fixture
def prompts() -> Callable[..., tuple[torch.Tensor, torch.Tensor]]:
    """Random embeddings of prompts of several lengths, padded on the left with what must not matter, and their mask."""

    def make(lengths: list[int], seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        draw = torch.Generator().manual_seed(seed)
        embeds = torch.randn(len(lengths), max(lengths), 16, generator=draw, dtype=torch.float64)
        mask = (torch.arange(max(lengths)) >= max(lengths) - torch.tensor(lengths)[:, None]).long()
        return embeds, mask

    return make


VISION_WIDTH = json.loads((EMBEDDED / "clip-world" / "config.json").read_text("utf-8"))["vision_config"]["hidden_size"]
DEMOS = (
    Demo("Chad", "a flag of Chad hangs", "Chad", 0, "d0"),
    Demo("the country", "India won", "India", 1, "d1"),
    Demo("Chad", "a lake in Chad", "Chad", 2, "d2"),
    Demo("Lima", "in Lima it rains", "Lima", -1, "d3"),
    Demo("Georgia", "a line\u2028end in Georgia", "Georgia", 3, "d4"),
)


@pytest.fixture(scope="session")
def gemel_checkpoint(opt_folder: Path) -> GemelCheckpoint:
    """Its vision encoder is a trained one: the slope of random towers changes within a level of 8 bits."""
    draw = torch.Generator().manual_seed(5)
    mapper = torch.nn.Linear(VISION_WIDTH, 4 * 16)
    with torch.no_grad():
        mapper.weight.normal_(std=0.1, generator=draw)
        mapper.bias.normal_(std=0.5, generator=draw)
    features = torch.randn(4, VISION_WIDTH, generator=draw).half().float()
    return GemelCheckpoint(Settings("world:clip-world", str(opt_folder)), mapper, DEMOS, features)


@pytest.fixture(scope="session")
def gemel_folder(gemel_checkpoint: GemelCheckpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("gemel")
    gemel_checkpoint.write(folder)
    return folder


@pytest.fixture(scope="session")
def by_hand(gemel_folder: Path, opt_folder: Path) -> ByHand:
    from .by_hand import ByHand

    return ByHand(gemel_folder, EMBEDDED / "clip-world", opt_folder)


@pytest.fixture
def gemel(gemel_folder: Path, kb: KnowledgeBase) -> Callable[..., GEMEL]:
    def make(base: KnowledgeBase | None = None, /, **parameters: Any) -> GEMEL:
        return GEMEL(base or kb, **{"model": str(gemel_folder), "device": "cpu", "demos": 3} | parameters)

    return make


@pytest.fixture
def queries(ask: Callable[..., Query], kb: KnowledgeBase) -> list[Query]:
    """Of several lengths and image sizes; the last lists candidates of its own."""
    texts = ["a flag", "in Lima it rained for a week and nobody minded", "", "who won, India or Samoa?"]
    sizes = [(32, 32), (40, 33), (32, 32), (24, 50)]
    surfaces = ["flag", "Lima", "", "Georgia"]
    asked = [ask(seed, kb.ids, size, text) for seed, (text, size) in enumerate(zip(texts, sizes, strict=True))]
    asked = [replace(query, surface=surface) for query, surface in zip(asked, surfaces, strict=True)]
    return [*asked[:3], replace(asked[3], candidates=("e5", "e2", "e7"))]
