"""MiniGPT-4, in its Vicuna variant with a Q-Former and its Llama-2 variant without."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any, ClassVar, Self

import torch
from PIL import Image
from torch import Tensor

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.gemel.prompt_tokens import VISUAL, embedded
from robustmel.linkers.mllm.linker import MLLM
from robustmel.linkers.mllm.model import Vectors, VisionLanguageModel
from robustmel.linkers.preprocessing import Picture

PLACE = "<ImageHere>"

TEMPLATES = {
    True: "###Human: {% for part in messages[0]['content'] %}{% if part['type'] == 'image' %}<Img><ImageHere></Img> {% else %}"
    "{{ part['text'] }}{% endif %}{% endfor %} ###Assistant: ",
    False: "[INST] {% for part in messages[0]['content'] %}{% if part['type'] == 'image' %}<Img><ImageHere></Img> {% else %}"
    "{{ part['text'] }}{% endif %}{% endfor %} [/INST] ",
}
"""Whether there is a Q-Former -> the conversation of that variant."""


class MiniGPT4Model(VisionLanguageModel):
    """BLIP-2's vision tower and Q-Former, or its patches alone, and one linear layer before a Llama."""

    library_class = "robustmel.linkers.mllm.minigpt4_network:MiniGPT4Network"
    model_types = ("minigpt4",)
    image_token = PLACE
    special_tokens = ()
    starts = MappingProxyType({"vision_model.": "vision_model.", "qformer.": "qformer.", "query_tokens": "query_tokens"})
    template = TEMPLATES[True]

    def __init__(self, network: Any, tokenizer: Any, image_processor: Any) -> None:
        super().__init__(network, tokenizer, image_processor)
        self.template = TEMPLATES[network.qformer is not None]  # type: ignore[misc]
        self.stop = "###" if network.qformer is not None else ""

    @classmethod
    def fresh(cls, shape: Architecture, tokenizer: Any) -> Self:
        """With a Q-Former of two layers and few queries, as the embedded BLIP-2 has."""
        from transformers import BlipImageProcessorPil

        from robustmel.linkers.blip2 import QUERY_TOKENS
        from robustmel.linkers.mllm.minigpt4_network import MiniGPT4Config, MiniGPT4Network

        former = shape.vision_tower | {
            "num_hidden_layers": 2,
            "encoder_hidden_size": shape.vision_width,
            "cross_attention_frequency": 1,
            "initializer_range": shape.vision_width**-0.5,
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        }
        config = MiniGPT4Config(
            vision_config=shape.vision_tower | {"initializer_range": shape.vision_width**-0.5},
            text_config=shape.language_model(tokenizer),
            qformer_config={name: value for name, value in former.items() if name not in ("image_size", "patch_size")},
            num_query_tokens=QUERY_TOKENS,
            tie_word_embeddings=True,
        )
        network: Any = MiniGPT4Network(config)
        torch.nn.init.normal_(network.query_tokens, std=shape.vision_width**-0.5)  # those that begin alike stay alike
        return cls(network, tokenizer, BlipImageProcessorPil(size=shape.square))

    def vectors(self, values: Tensor) -> Vectors:
        """One vector a query token, or for four patches."""
        return list(self.network.image_vectors(values.to(self.device, self.network.dtype)))

    def prompt(self, question: str, vectors: int) -> list[int]:
        """The texts before and after the image are tokenized apart, as MiniGPT-4 does."""
        before, image, after = self.conversation(question, min(vectors, 1)).partition(PLACE)
        ids: list[int] = self.tokenizer(before, verbose=False)["input_ids"]
        rest: list[int] = self.tokenizer(after, add_special_tokens=False, verbose=False)["input_ids"] if image else []
        return [*ids, *([VISUAL] * vectors if image else []), *rest]

    def inputs(self, question: str, picture: Picture | None) -> dict[str, Tensor]:
        """Without a processor of the library's for the whole: its image processor, and the prompt with its image as embeddings."""
        if picture is None:
            ids = torch.tensor([self.prompt(question, 0)], device=self.device)
            return {"inputs_embeds": self.lm.embed(ids), "input_ids": ids}
        values = self.image_processor(images=[Image.fromarray(picture)], return_tensors="pt")["pixel_values"]
        with torch.no_grad():
            (vectors,) = self.network.image_vectors(values.to(self.device, self.network.dtype))
        ids = torch.tensor([self.prompt(question, len(vectors))], device=self.device)
        return {"inputs_embeds": embedded(self.lm.embed, ids, vectors), "input_ids": ids}

    def plain(self, inputs: dict[str, Tensor]) -> Tensor:
        """Logits of the language model's own pass over the prompt's embeddings and what was added to its tokens."""
        embeds = inputs["inputs_embeds"]
        added = inputs["input_ids"][:, embeds.shape[1] :]
        whole = torch.cat((embeds, self.lm.embed(added).to(embeds)), 1)
        logits: Tensor = self.network.llama(inputs_embeds=whole, use_cache=False).logits
        return logits

    @torch.no_grad()
    def reference_text(self, inputs: dict[str, Tensor], most: int) -> str:
        """What the language model's own `generate` writes, greedily."""
        written = self.network.llama.generate(
            inputs_embeds=inputs["inputs_embeds"], do_sample=False, num_beams=1, max_new_tokens=most, pad_token_id=self.lm.end,
            eos_token_id=self.lm.end,
        )  # fmt: skip
        return str(self.tokenizer.decode(written[0], skip_special_tokens=True))

    def save(self, folder: Path) -> None:
        """The image processor; the rest is no part of a processor."""
        self.image_processor.save_pretrained(folder)


class MiniGPT4(MLLM):
    """MiniGPT-4, one linear layer between a frozen BLIP-2 and a frozen Vicuna or Llama-2 (Zhu et al., 2024).

    Takes the parameters of `MLLM`. Public checkpoints hold the linear layer alone; `minigpt4_folder.assemble` makes a folder of it and the parts that
    it was trained between.

    Source:
        Zhu et al., "MiniGPT-4: Enhancing Vision-Language Understanding with Advanced Large Language Models", ICLR 2024.
    """

    family: ClassVar[type[VisionLanguageModel]] = MiniGPT4Model
    model_types: ClassVar[tuple[str, ...]] = MiniGPT4Model.model_types
