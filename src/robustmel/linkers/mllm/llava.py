"""LLaVA."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, ClassVar, Self, cast

from torch import Tensor

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.mllm.linker import MLLM
from robustmel.linkers.mllm.model import Vectors, VisionLanguageModel


class LlavaModel(VisionLanguageModel):
    """A CLIP vision tower, two linear layers for every patch, and a causal language model."""

    library_class = "LlavaForConditionalGeneration"
    model_types = ("llava",)
    image_token = "<image>"
    special_tokens = ("<image>",)
    starts = MappingProxyType({"vision_model.": "model.vision_tower."})
    template = (
        "{% for message in messages %}USER: {% for part in message['content'] %}{% if part['type'] == 'image' %}<image>\n"
        "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %} ASSISTANT:"
    )

    @classmethod
    def fresh(cls, shape: Architecture, tokenizer: Any) -> Self:
        """Reads the last layer with its class token, so that a CLIP tower's knowledge is at hand."""
        from transformers import CLIPImageProcessorPil, LlavaConfig, LlavaForConditionalGeneration

        config = LlavaConfig(
            vision_config={"model_type": "clip_vision_model", **shape.vision_tower},
            text_config={"model_type": "llama", **shape.language_model(tokenizer)},
            image_token_index=tokenizer.convert_tokens_to_ids(cls.image_token),
            vision_feature_layer=-1,
            vision_feature_select_strategy="full",
            image_seq_length=(shape.image_size // shape.patch_size) ** 2 + 1,
            tie_word_embeddings=True,
        )
        processor = CLIPImageProcessorPil(size=shape.square, crop_size=shape.square, do_center_crop=False)
        return cls(LlavaForConditionalGeneration(config), tokenizer, processor)

    def vectors(self, values: Tensor) -> Vectors:
        """One vector a patch."""
        values = values.to(self.device, self.network.dtype)
        found: Vectors = self.network.get_image_features(pixel_values=values).pooler_output
        return found

    def processor(self) -> Any:
        """`LlavaProcessor`."""
        from transformers import LlavaProcessor

        config, made = self.network.config, cast(Any, LlavaProcessor)
        return made(
            self.image_processor,
            self.tokenizer,
            patch_size=config.vision_config.patch_size,
            vision_feature_select_strategy=config.vision_feature_select_strategy,
            num_additional_image_tokens=int(config.vision_config.model_type == "clip_vision_model"),  # its class token
            chat_template=self.tokenizer.chat_template or self.template,
        )


class LLaVA(MLLM):
    """LLaVA, a vision tower before a language model that was taught to answer about images (Liu et al., 2023).

    Takes the parameters of `MLLM`; reads folders of the library's layout, such as "llava-hf/llava-1.5-7b-hf".

    Source:
        Liu et al., "Visual Instruction Tuning", NeurIPS 2023; "Improved Baselines with Visual Instruction Tuning", CVPR 2024.
    """

    family: ClassVar[type[VisionLanguageModel]] = LlavaModel
    model_types: ClassVar[tuple[str, ...]] = LlavaModel.model_types
