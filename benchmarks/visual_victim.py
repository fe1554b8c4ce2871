"""What the visual attacks are measured on: a CLIP image tower with drawn weights, and drawn images."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

CLASSES = 100
SIDE = 224
SIZES = {"tiny": (192, 6), "vit-b-32": (768, 12)}
"""Width and depth; patches are 32 pixels wide."""


class Victim(nn.Module):
    """An image tower against fixed unit vectors; counts the images it is shown and those it is differentiated at.

    Its parameters are frozen, for every library: what is compared is the work around the passes.

    Args:
        size: One of `SIZES`.
        low_precision: Compute the forward pass in bfloat16; scores and the gradient in the pixels are float32.
    """

    def __init__(self, size: str, low_precision: bool = False) -> None:
        super().__init__()
        from transformers import CLIPVisionConfig, CLIPVisionModel

        torch.manual_seed(0)
        width, depth = SIZES[size]
        shape: dict[str, Any] = {"hidden_size": width, "intermediate_size": 4 * width, "num_hidden_layers": depth}
        shape |= {"num_attention_heads": width // 64, "image_size": SIDE, "patch_size": 32}
        self.tower = CLIPVisionModel(CLIPVisionConfig(**shape, initializer_factor=2.0))
        self.texts: Tensor
        self.register_buffer("texts", functional.normalize(torch.randn(CLASSES, width), dim=-1))
        self.low_precision = low_precision
        self.shown = self.pulled = 0
        self.eval().requires_grad_(False)

    def forward(self, pixels: Tensor) -> Tensor:
        """float32 (B, 100) scores of pixels (B, 3, 224, 224) in [0, 1]."""
        self.shown += len(pixels)
        scaled = (pixels - 0.45) / 0.27
        if scaled.requires_grad:
            scaled.register_hook(self._count)
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=self.low_precision):
            features = self.tower(pixel_values=scaled).pooler_output
        scores: Tensor = 20 * functional.normalize(features.float(), dim=-1) @ self.texts.T
        return scores

    def forget(self) -> None:
        """Counts from zero again."""
        self.shown = self.pulled = 0

    def _count(self, gradient: Tensor) -> None:
        self.pulled += len(gradient)


def drawn_images(count: int) -> Tensor:
    """float32 (count, 3, 224, 224), in steps of 1/255: soft blots of colour under pixel noise."""
    generator = torch.Generator().manual_seed(0)
    blots = functional.interpolate(torch.randn(count, 3, 7, 7, generator=generator), size=(SIDE, SIDE), mode="bilinear")
    noise = torch.randn(count, 3, SIDE, SIDE, generator=generator)
    return ((0.5 + 0.2 * blots + 0.03 * noise).clamp(0, 1) * 255).round() / 255
