"""A dual encoder under training: model, tokenizer, image processor and family, made from a config or loaded from a folder."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import normalize

from robustmel.errors import UsageError
from robustmel.linkers.loading import load
from robustmel.linkers.preprocessing import Preprocessing
from robustmel.linkers.weights import model_folder, model_type
from robustmel.training.families import Family, family
from robustmel.training.recipe import Recipe
from robustmel.training.texts import TextBank
from robustmel.training.tokenizer import learn_tokenizer


@dataclass
class DualEncoder:
    """What is trained, and how its inputs are made.

    Args:
        model: A `transformers` model of the family.
        tokenizer: Its tokenizer.
        processor: Its image processor (Pillow's, not torchvision's).
        family: The table entry of its family.
        text_length: Tokens a text is cut to.
    """

    model: Any
    tokenizer: Any
    processor: Any
    family: Family
    text_length: int

    @cached_property
    def preprocessing(self) -> Preprocessing:
        """The processor, read for what it does."""
        return Preprocessing(self.processor)

    def bank(self, texts: Iterable[str]) -> TextBank:
        """Texts tokenized for this encoder."""
        return TextBank(texts, self.tokenizer, self.text_length, masked=self.family.masked)

    def resized(self, image: NDArray[np.uint8]) -> Tensor:
        """uint8 (3, S, S): an image as the processor sees it, short of rescaling and normalising."""
        if self.preprocessing.understood:
            seen = self.preprocessing.settings.resize(*image.shape[:2]).picture(image)
            return torch.from_numpy(seen).permute(2, 0, 1).contiguous()
        made = self.processor(
            image, do_rescale=False, do_normalize=False, input_data_format="channels_last", return_tensors="np"
        )
        return torch.from_numpy(np.asarray(made["pixel_values"][0]).round().clip(0, 255).astype(np.uint8))

    def images(self, pixels: Tensor) -> Tensor:
        """Unit embeddings, float (B, D) or (B, Q, D), of pixels in [0, 1], (B, 3, S, S), already resized."""
        return normalize(self.family.linker.image_features(self.model, self.preprocessing.normalised(pixels)), dim=-1)

    def texts(self, inputs: dict[str, Tensor]) -> Tensor:
        """Unit embeddings, float (B, D), of what `TextBank.batch` gives."""
        device = self.model.device
        tokens = inputs["input_ids"].to(device)
        mask = inputs["attention_mask"].to(device) if "attention_mask" in inputs else torch.ones_like(tokens)
        return normalize(self.family.linker.text_features(self.model, tokens, mask), dim=-1)

    def cosines(self, images: Tensor | None, texts: Tensor | None, labels: Tensor) -> Tensor:
        """Float (B, U): what the family's linker scores U labels by, given images, texts or both, all embedded by this encoder."""
        return self.family.linker.compare(images, texts, labels, normalise=True)

    @property
    def scale(self) -> Tensor:
        """What multiplies the cosines: the family's temperature."""
        return self.family.scale(self.model)

    @property
    def bias(self) -> Tensor | None:
        """The learnt bias of the logits, where the family has one."""
        return getattr(self.model, "logit_bias", None)


def fresh_encoder(recipe: Recipe, texts: Iterable[str]) -> DualEncoder:
    """A model with random weights, and a tokenizer learnt from the texts.

    Raises:
        UsageError: The architecture does not fit the family.
    """
    made = family(recipe.family)
    tokenizer = learn_tokenizer(
        texts, recipe.architecture.vocabulary, recipe.text_length, masked=made.masked, end_last=made.end_last
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = made.fresh(recipe, tokenizer)
    _give_temperature(made, model)
    return DualEncoder(model, tokenizer, made.processor(recipe), made, recipe.text_length)


def loaded_encoder(recipe: Recipe, base: str) -> DualEncoder:
    """A checkpoint with its own tokenizer and image processor, in float32.

    Raises:
        MissingError: It is not there, or cannot be read.
        UsageError: It is of another family.
    """
    made = family(recipe.family)
    kind = model_type(model_folder(base, recipe.revision))
    if kind not in made.linker.model_types:
        raise UsageError(
            f'{base} is a {kind or "nameless"} model and the recipe says family = "{recipe.family}"; make them agree.'
        )
    loaded = load(base, recipe.revision, made.linker.library_class, made.linker.model_types)
    _give_temperature(made, loaded.model)
    _steady_statistics(loaded.model)
    loaded.model.requires_grad_(True)
    longest = made.linker.text_limit(loaded.model.config, loaded.tokenizer)
    length = min(recipe.text_length, longest) if made.masked else longest
    return DualEncoder(loaded.model, loaded.tokenizer, loaded.image_processor, made, length)


def _give_temperature(made: Family, model: Any) -> None:
    """A temperature to train, for a model of the library that has none."""
    if not made.keeps_temperature:
        model.register_parameter("logit_scale", nn.Parameter(torch.tensor(math.log(made.linker.temperature(model)))))


def _steady_statistics(model: Any) -> None:
    """Puts right the momentum of batch norms that is meant as the share of the past.

    The library hands ALIGN's 0.99 on to torch, which takes it for the share of the newest batch: after a fine-tuning the
    statistics would be those of its last batch.
    """
    for one in model.modules():
        if isinstance(one, nn.BatchNorm2d) and one.momentum is not None and one.momentum > 0.5:
            one.momentum = 1 - one.momentum
