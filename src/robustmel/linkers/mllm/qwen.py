"""Qwen2.5-VL, without torchvision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from PIL import Image
from torch import Tensor

from robustmel.errors import ImageError
from robustmel.linkers.architecture import Architecture
from robustmel.linkers.gemel.prompt_tokens import VISUAL
from robustmel.linkers.mllm.linker import MLLM
from robustmel.linkers.mllm.model import Vectors, VisionLanguageModel
from robustmel.linkers.preprocessing import Picture, Preprocessing
from robustmel.linkers.processor_settings import Settings


@dataclass(frozen=True)
class QwenSettings(Settings):
    """Sides are rounded to whole blocks of patches, within a least and a largest number of pixels, near the image's own proportions.

    Args:
        block: Pixels of a side that become one vector.
    """

    block: int = 28

    def _size_after(self, height: int, width: int) -> tuple[int, int]:
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import smart_resize

        least, most = self.size["shortest_edge"], self.size["longest_edge"]
        try:
            after: tuple[int, int] = smart_resize(height, width, self.block, least, most)
        except ValueError as problem:
            raise ImageError("image_refused", f"an image of {width}x{height} is not taken: {problem}.") from problem
        return after


class QwenPreprocessing(Preprocessing):
    """Qwen's image processor up to its patches: (1, 3, h, w), of a size that depends on the image's."""

    @staticmethod
    def reading(processor: Any) -> Settings | None:
        """The settings of a plain image processor, and the size of a block."""
        read = Settings.read(processor)
        return read and QwenSettings(**vars(read), block=processor.patch_size * processor.merge_size)

    def _by_processor(self, pictures: Sequence[Picture]) -> Tensor:
        """The patches put back to where they were cut from."""
        made = self.processor(images=[Image.fromarray(picture) for picture in pictures], return_tensors="pt")
        (_, rows, columns), merge, patch = (
            made["image_grid_thw"][0].tolist(),
            self.processor.merge_size,
            self.processor.patch_size,
        )
        shape = (len(pictures), rows // merge, columns // merge, merge, merge, 3, -1, patch, patch)
        patches = made["pixel_values"].reshape(shape)[..., 0, :, :]  # what is seen twice, for time, is the same
        whole: Tensor = patches.permute(0, 5, 1, 3, 6, 2, 4, 7).reshape(len(pictures), 3, rows * patch, columns * patch)
        return whole.float()


class QwenModel(VisionLanguageModel):
    """A vision tower with windows over images of any size, four patches a vector, and a language model with M-RoPE."""

    library_class = "Qwen2_5_VLForConditionalGeneration"
    model_types = ("qwen2_5_vl",)
    image_token = "<|image_pad|>"
    special_tokens = ("<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>")
    template = (
        "<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
        "{% for part in message['content'] %}{% if part['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}"
        "{{ part['text'] }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}<|im_start|>assistant\n"
    )

    @classmethod
    def fresh(cls, shape: Architecture, tokenizer: Any) -> Self:
        """Images come to one size, whatever their own."""
        from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration, Qwen2VLImageProcessorPil

        half = shape.text_width // shape.heads // 2
        text = shape.language_model(tokenizer) | {"num_key_value_heads": shape.heads}
        text["rope_parameters"] = {
            "rope_type": "default",
            "rope_theta": 10_000.0,
            "mrope_section": [half - 2 * (half // 3), *[half // 3] * 2],
        }
        vision = {
            "depth": shape.vision_depth, "hidden_size": shape.vision_width, "intermediate_size": 8 * shape.vision_width // 3,
            "num_heads": shape.heads, "patch_size": shape.patch_size, "out_hidden_size": shape.text_width,
            "window_size": 4 * shape.patch_size, "fullatt_block_indexes": list(range(1, shape.vision_depth, 2)),
        }  # fmt: skip
        config = Qwen2_5_VLConfig(
            text_config=text,
            vision_config=vision,
            image_token_id=tokenizer.convert_tokens_to_ids(cls.image_token),
            video_token_id=tokenizer.convert_tokens_to_ids("<|video_pad|>"),
            vision_start_token_id=tokenizer.convert_tokens_to_ids("<|vision_start|>"),
            vision_end_token_id=tokenizer.convert_tokens_to_ids("<|vision_end|>"),
            tie_word_embeddings=True,
        )
        pixels = shape.image_size**2
        processor = Qwen2VLImageProcessorPil(patch_size=shape.patch_size, min_pixels=pixels, max_pixels=pixels)
        return cls(Qwen2_5_VLForConditionalGeneration(config), tokenizer, processor)

    @staticmethod
    def preprocessed_by(image_processor: Any) -> Preprocessing:
        """Up to the patches, which are cut in `vectors`."""
        return QwenPreprocessing(image_processor)

    def vectors(self, values: Tensor) -> Vectors:
        """One vector for each block of patches, as (rows, columns, width)."""
        patch, merge = self.image_processor.patch_size, self.image_processor.merge_size
        count, channels, height, width = values.shape
        rows, columns = height // patch, width // patch
        cut = values.reshape(count, channels, rows // merge, merge, patch, columns // merge, merge, patch)
        cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)[..., None, :, :]
        cut = cut.expand(*cut.shape[:6], self.image_processor.temporal_patch_size, patch, patch)
        flat = cut.reshape(count * rows * columns, -1).to(self.device, self.network.dtype)
        grid = torch.tensor([[1, rows, columns]] * count, device=self.device)
        seen = self.network.model.get_image_features(flat, grid).pooler_output
        return [vectors.reshape(rows // merge, columns // merge, -1) for vectors in seen]

    def positions(self, ids: Tensor, mask: Tensor, features: Vectors | None) -> Tensor | None:
        """By row and column within an image; computed for each call, as the model would remember those of another."""
        shown = [vectors for vectors in features or () if vectors.numel()]
        if not shown:
            return None
        merge = self.image_processor.merge_size
        grid = torch.tensor([[1, merge * vectors.shape[0], merge * vectors.shape[1]] for vectors in shown])
        kinds = (ids == VISUAL).int()
        tokens = ids.masked_fill(ids == VISUAL, self.image_id)
        found: Tensor = self.network.model.get_rope_index(tokens, kinds, image_grid_thw=grid, attention_mask=mask)[0]
        return found.to(self.device)

    def processor(self) -> Any:
        """`Qwen2_5_VLProcessor` without its part for videos, which needs torchvision."""
        from transformers import Qwen2_5_VLProcessor

        library: Any = Qwen2_5_VLProcessor

        class ForImages(library):  # type: ignore[misc]
            @classmethod
            def get_attributes(cls) -> list[str]:
                return ["image_processor", "tokenizer"]

            def __init__(self, image_processor: Any, tokenizer: Any) -> None:
                super().__init__(image_processor, tokenizer, None)

        return ForImages(self.image_processor, self.tokenizer)

    def plain(self, inputs: dict[str, Tensor]) -> Tensor:
        """Without the positions of an earlier call."""
        self.network.model.rope_deltas = None
        return super().plain(inputs)

    def save(self, folder: Any) -> None:
        """The image processor; the library makes the rest of its processor without a file."""
        self.image_processor.save_pretrained(folder)


class QwenVL(MLLM):
    """Qwen2.5-VL, which reads images at their own size and proportions (Bai et al., 2025).

    Takes the parameters of `MLLM`; reads folders of the library's layout, such as "Qwen/Qwen2.5-VL-3B-Instruct".

    Source:
        Bai et al., "Qwen2.5-VL Technical Report", 2025.
    """

    family: ClassVar[type[VisionLanguageModel]] = QwenModel
    model_types: ClassVar[tuple[str, ...]] = QwenModel.model_types
