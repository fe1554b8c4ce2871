"""Tiny language models of random weights, one of each family."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors

from robustmel.linkers.gemel.language_model import LanguageModel

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
