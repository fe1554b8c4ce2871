"""MiniGPT-4's network, which the library does not have: its parts are the library's own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    Blip2VisionConfig,
    Blip2VisionModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedConfig,
    PreTrainedModel,
)

from robustmel.errors import MissingError

JOINED = 4
"""Patches that become one vector where there is no Q-Former."""

PUBLIC: tuple[tuple[str, str], ...] = (
    (r"^Qformer\.bert\.embeddings\.LayerNorm\.", "qformer.layernorm."),
    (r"^Qformer\.bert\.", "qformer."),
    (r"\.attention\.self\.", ".attention.attention."),
    (r"\.crossattention\.self\.", ".crossattention.attention."),
    (r"^ln_vision\.", "vision_model.post_layernorm."),
    (r"^llama_model\.", "llama."),
)
"""Of names in the public checkpoints what is called otherwise here, in this order; `llama_proj` and `query_tokens` are not."""

ADAPTED = re.compile(r"\.lora_[AB]\.")


class MiniGPT4Config(PreTrainedConfig):  # type: ignore[no-untyped-call]
    """Shape of a MiniGPT-4.

    Args:
        vision_config: Of the vision tower.
        text_config: Of the language model.
        qformer_config: Of the Q-Former; None is the variant before Llama-2, which joins four patches instead.
        num_query_tokens: Vectors of an image, with a Q-Former.
    """

    model_type = "minigpt4"

    def __init__(
        self,
        vision_config: dict[str, Any] | None = None,
        text_config: dict[str, Any] | None = None,
        qformer_config: dict[str, Any] | None = None,
        num_query_tokens: int = 32,
        **rest: Any,
    ) -> None:
        self.vision_config = Blip2VisionConfig(**(vision_config or {}))
        self.text_config = LlamaConfig(**(text_config or {}))
        self.qformer_config = None if qformer_config is None else Blip2QFormerConfig(**qformer_config)
        self.num_query_tokens = num_query_tokens
        super().__init__(**rest)

    @property
    def sub_configs(self) -> dict[str, Any]:
        """The parts that there are."""
        parts = {"vision_config": Blip2VisionConfig, "text_config": LlamaConfig, "qformer_config": Blip2QFormerConfig}
        return {name: made for name, made in parts.items() if getattr(self, name, None) is not None}

    def get_text_config(self, *_: Any, **__: Any) -> Any:
        """Of the language model."""
        return self.text_config


class MiniGPT4Network(PreTrainedModel):  # type: ignore[no-untyped-call]
    """Vision tower, Q-Former (or patches joined by fours), one linear layer, language model."""

    config_class = MiniGPT4Config
    base_model_prefix = ""
    _tied_weights_keys: Any = {"llama.lm_head.weight": "llama.model.embed_tokens.weight"}  # noqa: RUF012

    def __init__(self, config: MiniGPT4Config) -> None:
        super().__init__(config)
        self.vision_model = Blip2VisionModel(config.vision_config)
        width = JOINED * config.vision_config.hidden_size
        self.qformer, self.query_tokens = None, None
        if config.qformer_config is not None:
            self.qformer = Blip2QFormerModel(config.qformer_config)
            width = config.qformer_config.hidden_size
            self.query_tokens = nn.Parameter(torch.zeros(1, config.num_query_tokens, width))
        self.llama_proj = nn.Linear(width, config.text_config.hidden_size)
        self.llama = LlamaForCausalLM(config.text_config)
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """The parts begin as they do by themselves."""

    def get_input_embeddings(self) -> Any:
        """Of the language model."""
        return self.llama.get_input_embeddings()

    def forward(self, **inputs: Any) -> Any:
        """The language model's own."""
        return self.llama(**inputs)

    def image_vectors(self, values: Tensor) -> Tensor:
        """(B, n, width) of the processor's output (B, 3, h, w)."""
        patches = self.vision_model(pixel_values=values).last_hidden_state
        if self.qformer is None or self.query_tokens is None:
            patches = patches[:, 1:]
            read = patches.reshape(len(patches), patches.shape[1] // JOINED, -1)
        else:
            queries = self.query_tokens.expand(len(patches), -1, -1)
            read = self.qformer(query_embeds=queries, encoder_hidden_states=patches).last_hidden_state
        return cast(Tensor, self.llama_proj(read))


def public_weights(checkpoint: Mapping[str, Tensor], network: MiniGPT4Network) -> dict[str, Tensor]:
    """What a public checkpoint (`torch.load(file)["model"]`) holds, under the names of the network.

    Public checkpoints hold what was trained: at least `llama_proj`. The rest has the weights of the BLIP-2 and the Llama that it
    was trained between.

    Raises:
        MissingError: It lacks `llama_proj`, holds a weight that has no place or another shape, or adapters (LoRA).
    """
    if adapted := next(filter(ADAPTED.search, checkpoint), None):
        raise MissingError(f"the checkpoint holds adapters ({adapted}); merge them into the language model first.")
    own, mapped = network.state_dict(), {}
    for name, value in checkpoint.items():
        ours = name
        for pattern, replacement in PUBLIC:
            ours = re.sub(pattern, replacement, ours)
        if ours not in own or own[ours].shape != value.shape:
            wanted = f"has no place in this MiniGPT-4 (as {ours})"
            if ours in own:
                wanted = f"is {tuple(value.shape)} and not {tuple(own[ours].shape)}"
            raise MissingError(f"the checkpoint's {name} {wanted}; take the variant and the parts that it was trained with.")
        mapped[ours] = value
    absent = [name for name in own if name.startswith("llama_proj.") and name not in mapped]
    if absent:
        raise MissingError(f"the checkpoint lacks {', '.join(absent)}, which every MiniGPT-4 has.")
    return mapped
