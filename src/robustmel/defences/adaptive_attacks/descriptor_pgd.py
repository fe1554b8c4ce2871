"""PGD that turns what an image is said to show, beside the answer."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize

from robustmel.attacks.image.pgd import PGD
from robustmel.attacks.quantities import number
from robustmel.defences.detectors.representations import encoder_files
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS


@dataclass(frozen=True)
class DescriptorPGD(PGD):
    """PGD on the answer and, at the same time, on what an encoder sees in the image (after FARE; Schlarmann et al., 2024).

    A defence that describes the image in words, or retrieves by it, chooses those anew for the attacked pixels, and no gradient passes
    through the choice. So each step also leads the image's embedding away from that of the clean image. The two gradients are brought to
    one mean size, then added. The encoder is the describer's own, or stands for one without gradients.

    Args:
        eps: See `PGD`, as for the options after it.
        encoder: Whose embedding is led away: a dual encoder.
        weight: Of its gradient; 0 is PGD.

    Raises:
        UsageError: The encoder does not embed images.

    Source:
        The embedding loss is equation 3 of Schlarmann et al., "Robust CLIP: Unsupervised Adversarial Fine-Tuning of Vision Embeddings for
        Robust Large Vision-Language Models", ICML 2024, ascended; against defended linkers in the spirit of Tramer et al., "On Adaptive
        Attacks to Adversarial Example Defenses", NeurIPS 2020.
    """

    encoder: str = "clip-world"
    weight: float = 1.0

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        object.__setattr__(self, "weight", number("weight", self.weight))
        if not hasattr(LINKERS.load(self.encoder), "embed_texts"):
            raise UsageError(f'encoder = "{self.encoder}" embeds no images; name a dual encoder, such as "clip-world".')

    @classmethod
    def assets(cls, *, encoder: str, **_: object) -> tuple[Path, ...]:
        """The files of the encoder."""
        return encoder_files(encoder)

    def passes(self) -> int:
        """As PGD, and a pass of the encoder a step."""
        return super().passes() + self.restarts * self.steps

    def ascent(self, gradient: Tensor, current: Tensor, clean: Tensor) -> Tensor:
        """See `PGD.ascent`."""
        if self.weight == 0:
            return gradient
        encoder = _encoder(self.encoder)
        with torch.no_grad():
            before = _embedded(encoder, clean)
        with torch.enable_grad():
            leaf = current.detach().requires_grad_()
            away = (_embedded(encoder, leaf) - before).square().sum()
            (slope,) = torch.autograd.grad(away, leaf)
        return _of_mean_size_one(gradient) + self.weight * _of_mean_size_one(slope)


def _of_mean_size_one(gradient: Tensor) -> Tensor:
    """Each image's gradient over the mean size of its entries; zero stays zero."""
    return gradient / gradient.abs().mean((1, 2, 3), keepdim=True).clamp(min=torch.finfo(gradient.dtype).tiny)


def _embedded(encoder: Any, pixels: Tensor) -> Tensor:
    features = encoder.image_features(encoder.model, encoder.preprocessing(pixels).to(encoder.device))
    return normalize(features if features.ndim == 2 else features.mean(1), dim=-1).to(pixels.device)


@cache
def _encoder(name: str) -> Any:
    return LINKERS.create(name, KnowledgeBase(()))
