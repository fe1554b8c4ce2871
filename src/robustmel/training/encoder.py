"""Both towers under training: model, tokenizer, image processor and family, made from a configuration or loaded."""

import copy
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from robustmel.errors import UsageError, with_article
from robustmel.linkers import LINKERS
from robustmel.linkers.family import Family
from robustmel.linkers.loading import load
from robustmel.linkers.preprocessing import Preprocessing
from robustmel.linkers.weights import model_folder, model_type
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.publish import publish
from robustmel.training.texts import TextBank, learn_tokenizer


@dataclass
class Encoder:
    """The model of a dual encoder, and how its inputs are made.

    Args:
        model: A `transformers` model of the family.
        tokenizer: Its tokenizer.
        processor: Its image processor (Pillow's, not torchvision's).
        family: The linker that reads such a checkpoint.
        text_length: Tokens a text is cut to.
        temperature_beside: Whether the library's model learns no temperature, so that one is trained beside it, and published
            in the configuration as `logit_scale_init_value`, where the linker finds it.
    """

    model: Any
    tokenizer: Any
    processor: Any
    family: type[Family]
    text_length: int
    temperature_beside: bool = False

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The processor, read for what it does."""
        return Preprocessing(self.processor)

    def bank(self, texts: Iterable[str]) -> TextBank:
        """Texts tokenized for this encoder."""
        return TextBank(texts, self.tokenizer, self.text_length, masked=self.family.masks_padding)

    def resized(self, image: NDArray[np.uint8]) -> Tensor:
        """uint8 (3, S, S): an image as the processor sees it, short of rescaling and normalising."""
        picture = self.preprocessing.settings.resize(*image.shape[:2]).picture(image)
        return torch.from_numpy(picture).permute(2, 0, 1).contiguous()

    def images(self, pixels: Tensor) -> Tensor:
        """Unit embeddings, float (B, D) or (B, Q, D), of pixels in [0, 1], (B, 3, S, S), already resized."""
        return normalize(self.family.image_features(self.model, self.preprocessing.normalised(pixels)), dim=-1)

    def texts(self, inputs: dict[str, Tensor]) -> Tensor:
        """Unit embeddings, float (B, D), of what `TextBank.batch` gives."""
        device = self.model.device
        tokens = inputs["input_ids"].to(device)
        mask = inputs["attention_mask"].to(device) if "attention_mask" in inputs else torch.ones_like(tokens)
        return normalize(self.family.text_features(self.model, tokens, mask), dim=-1)

    def cosines(self, images: Tensor | None, texts: Tensor | None, labels: Tensor) -> Tensor:
        """Float (B, U): what the family's linker scores U labels by, given images, texts or both, all embedded by this encoder."""
        return self.family.compare(images, texts, labels, normalise=True)

    @property
    def scale(self) -> Tensor:
        """What multiplies the cosines: the learnt temperature; at most 100, as in CLIP."""
        return self.family.temperature(self.model).clamp(max=100.0)

    @property
    def bias(self) -> Tensor | None:
        """The learnt bias of the logits, where the family has one."""
        return getattr(self.model, "logit_bias", None)

    def publish(self, folder: Path, precision: str) -> None:
        """Writes config, weights, tokenizer and image processor; `AutoModel.from_pretrained(folder)` loads them.

        Args:
            folder: Made if need be.
            precision: "float16" or "float32".
        """
        stored = copy.deepcopy(self.model)
        if self.temperature_beside:
            del stored.logit_scale
            stored.config.logit_scale_init_value = math.log(self.scale.item())
        publish(stored, self.tokenizer, folder, precision)
        self.processor.save_pretrained(folder)


def fresh_encoder(recipe: DualEncoderRecipe, texts: Iterable[str]) -> Encoder:
    """A model with random weights, and a tokenizer learnt from the texts.

    Raises:
        UsageError: The architecture does not fit the family.
    """
    family: type[Family] = LINKERS.load(recipe.family)
    tokenizer = learn_tokenizer(
        texts,
        recipe.architecture.vocabulary,
        recipe.text_length,
        masked=family.masks_padding,
        end_last=family.end_has_largest_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = family.fresh_model(recipe.architecture, tokenizer)
    temperature = _give_temperature(family, model)
    return Encoder(model, tokenizer, family.image_processor(recipe.architecture), family, recipe.text_length, temperature)


def loaded_encoder(recipe: DualEncoderRecipe, base: str) -> Encoder:
    """A checkpoint with its own tokenizer and image processor, in float32.

    Raises:
        MissingError: It is not there, or cannot be read.
        UsageError: It is of another family.
    """
    family: type[Family] = LINKERS.load(recipe.family)
    kind = model_type(model_folder(base, recipe.revision))
    if kind not in family.model_types:
        raise UsageError(
            f'{base} is {with_article(kind or "nameless")} model and the recipe says family = "{recipe.family}"; make them agree.'
        )
    loaded = load(base, recipe.revision, family.library_class, family.model_types)
    loaded.model.requires_grad_(True)
    temperature = _give_temperature(family, loaded.model)
    _steady_statistics(loaded.model)
    longest = family.text_limit(loaded.model.config, loaded.tokenizer)
    length = min(recipe.text_length, longest) if family.masks_padding else longest
    return Encoder(loaded.model, loaded.tokenizer, loaded.image_processor, family, length, temperature)


def _give_temperature(family: type[Family], model: Any) -> bool:
    """Gives a model whose temperature cannot be learnt one that can; whether it had to."""
    fixed = not family.temperature(model).requires_grad
    if fixed:
        model.register_parameter("logit_scale", nn.Parameter(family.temperature(model).log().float()))
    return fixed


def _steady_statistics(model: Any) -> None:
    """Puts right the momentum of batch norms that is meant as the share of the past.

    The library hands ALIGN's 0.99 on to torch, which takes it for the share of the newest batch: after a fine-tuning the
    statistics would be those of its last batch.
    """
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) and layer.momentum is not None and layer.momentum > 0.5:
            layer.momentum = 1 - layer.momentum
