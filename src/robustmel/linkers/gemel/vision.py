"""The frozen vision encoder: what a picture comes to before the feature mapper."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from robustmel.errors import UsageError, with_article
from robustmel.images import decode
from robustmel.linkers.loading import load, pick_device
from robustmel.linkers.preprocessing import Picture, Preprocessing
from robustmel.linkers.text_tower import TextTower
from robustmel.linkers.weights import model_folder, model_type, weight_files

LIBRARY_CLASSES = {"clip": "CLIPModel", "siglip": "SiglipModel"}
"""`model_type` of a folder -> the library's class with a `vision_model` whose pooled output is the feature."""


class VisionEncoder:
    """The vision tower of a CLIP or SigLIP checkpoint, read before its projection; the text tower stands by for dense demonstrations.

    Args:
        model: A folder, a hub id, or `world:NAME`.
        revision: Of a hub id.
        device: As in `loading.pick_device`.

    Attributes:
        width: Length of a feature.
        no_gradient: Why there is no gradient down to the pixels; "" where there is.

    Raises:
        UsageError: The folder holds another family.
        MissingError: It is not there or not complete.
    """

    def __init__(self, model: str, revision: str | None = None, device: str = "auto") -> None:
        kind = model_type(model_folder(model, revision))
        if kind not in LIBRARY_CLASSES:
            raise UsageError(
                f"vision = {model} is {with_article(kind or 'nameless')} model; GEMEL reads {' or '.join(LIBRARY_CLASSES)}."
            )
        self.device = pick_device(device)
        loaded = load(model, revision, LIBRARY_CLASSES[kind], (kind,))
        self._model: Any = loaded.model.to(self.device)
        self.preprocessing = Preprocessing(loaded.image_processor)
        self.no_gradient = self.preprocessing.no_gradient
        self.width: int = self._model.config.vision_config.hidden_size
        self.text_tower = TextTower(
            loaded.tokenizer, self._texts, self._text_limit(loaded.tokenizer), kind == "siglip", self.device
        )

    @staticmethod
    def assets(model: str, revision: str | None = None) -> tuple[Path, ...]:
        """The files that decide the features."""
        return weight_files(model, revision)

    def features(self, pixels: Tensor) -> Tensor:
        """Float (B, width), differentiable: of pixels (B, 3, H, W) in [0, 1], at the images' own size."""
        return self._features(self.preprocessing(pixels))

    def read(self, path: Path) -> Picture:
        """The picture in a file, for `picture_features`.

        Raises:
            ImageError: It cannot be used.
        """
        return decode(path)

    @torch.no_grad()
    def picture_features(self, pictures: Sequence[Picture]) -> Tensor:
        """float32 (B, width): of 8-bit pictures of any sizes."""
        return self._features(self.preprocessing.pictures(pictures))

    def _features(self, values: Tensor) -> Tensor:
        pooled: Tensor = self._model.vision_model(pixel_values=values.to(self.device)).pooler_output
        return pooled

    def _texts(self, tokens: Tensor, mask: Tensor) -> Tensor:
        embedded: Tensor = self._model.get_text_features(input_ids=tokens, attention_mask=mask).pooler_output
        return embedded

    def _text_limit(self, tokenizer: Any) -> int:
        return min(int(self._model.config.text_config.max_position_embeddings), int(tokenizer.model_max_length))
