"""The model's input against the library's own processor, and its gradient against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.models.flava.image_processing_pil_flava import FlavaImageProcessorPil
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from robustmel.linkers.preprocessing import Preprocessing

SIZES = [(32, 32), (333, 500), (500, 333), (97, 61), (1, 40), (40, 1), (1, 1), (33, 32), (20, 20), (48, 48)]

ALIGN = {"rescale_factor": 1 / 127.5, "rescale_offset": True, "do_normalize": False, "include_top": False, "resample": 2}

PROCESSORS = {
    "align": EfficientNetImageProcessorPil(
        size={"height": 40, "width": 40}, crop_size={"height": 32, "width": 32}, do_center_crop=True, **ALIGN
    ),
    "efficientnet": EfficientNetImageProcessorPil(size={"height": 32, "width": 32}),
    "every option of efficientnet": EfficientNetImageProcessorPil(
        size={"height": 32, "width": 32}, **ALIGN | {"do_normalize": True, "include_top": True}
    ),
    "flava": FlavaImageProcessorPil(size={"height": 32, "width": 32}, crop_size={"height": 32, "width": 32}),
    "flava with codebook and masks": FlavaImageProcessorPil(
        size={"height": 32, "width": 32},
        crop_size={"height": 32, "width": 32},
        return_codebook_pixels=True,
        return_image_mask=True,
    ),
    "owlvit": OwlViTImageProcessorPil(size={"height": 32, "width": 32}),
    "clip": CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}),
    "crop smaller than the edge": CLIPImageProcessorPil(size={"shortest_edge": 48}, crop_size={"height": 31, "width": 40}),
    "crop larger than the edge": CLIPImageProcessorPil(size={"shortest_edge": 24}, crop_size={"height": 33, "width": 30}),
    "siglip": SiglipImageProcessorPil(size={"height": 32, "width": 32}),
    "bilinear": SiglipImageProcessorPil(size={"height": 40, "width": 24}, resample=2),
    "lanczos": SiglipImageProcessorPil(size={"height": 24, "width": 40}, resample=1),
    "nearest": SiglipImageProcessorPil(size={"height": 24, "width": 40}, resample=0),
    "box": SiglipImageProcessorPil(size={"height": 24, "width": 40}, resample=4),
    "hamming": SiglipImageProcessorPil(size={"height": 24, "width": 40}, resample=5),
    "another scale": SiglipImageProcessorPil(size={"height": 32, "width": 32}, rescale_factor=1 / 127.3),
    "no scale, no mean": SiglipImageProcessorPil(size={"height": 32, "width": 32}, do_rescale=False, do_normalize=False),
    "blip": BlipImageProcessorPil(size={"height": 32, "width": 32}),
}


def drawn(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def by_library(processor: Any, pictures: list[NDArray[np.uint8]]) -> torch.Tensor:
    values: torch.Tensor = processor(images=[Image.fromarray(one) for one in pictures], return_tensors="pt")["pixel_values"]
    return values.float()


def as_pixels(pictures: list[NDArray[np.uint8]]) -> torch.Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_input_is_the_library_s_on_every_size(name: str) -> None:
    preprocessing = Preprocessing(PROCESSORS[name])
    assert preprocessing.understood
    for size in SIZES:
        pictures = [drawn(*size, seed=1), drawn(*size, seed=2)]
        expected = by_library(PROCESSORS[name], pictures)
        assert torch.equal(preprocessing.pictures(pictures), expected), size
        assert torch.equal(preprocessing.exact(as_pixels(pictures)), expected), size


def test_pictures_of_different_sizes_share_a_batch() -> None:
    pictures = [drawn(*size) for size in SIZES]
    assert torch.equal(Preprocessing(PROCESSORS["clip"]).pictures(pictures), by_library(PROCESSORS["clip"], pictures))


def test_pixels_between_two_levels_are_rounded_first() -> None:
    pixels = as_pixels([drawn(32, 32)])
    nudged = (pixels + 0.4 / 255).clamp(0, 1)
    preprocessing = Preprocessing(PROCESSORS["clip"])
    assert torch.equal(preprocessing.exact(nudged), preprocessing.exact(pixels))


@pytest.mark.parametrize("size", [(333, 500), (500, 333), (97, 61), (20, 30), (64, 64)])
@pytest.mark.parametrize(
    "name", ["align", "efficientnet", "clip", "siglip", "bilinear", "lanczos", "box", "hamming", "nearest"]
)
def test_without_rounding_the_input_is_within_about_one_level_of_the_library_s(name: str, size: tuple[int, int]) -> None:
    picture = drawn(*size)
    preprocessing = Preprocessing(PROCESSORS[name])
    smooth, exact = preprocessing.smooth(as_pixels([picture])), by_library(PROCESSORS[name], [picture])
    told = preprocessing.settings
    levels = max(told.std) * max(told.again or (1.0,)) / told.scale
    assert (smooth - exact).abs().max() * levels < 1.7
    assert (smooth - exact).abs().mean() * levels < 0.5


@pytest.mark.parametrize(
    "name", ["align", "efficientnet", "clip", "crop larger than the edge", "bilinear", "lanczos", "another scale"]
)
def test_the_gradient_is_that_of_the_smooth_input(name: str) -> None:
    preprocessing = Preprocessing(PROCESSORS[name])
    pixels = torch.rand(1, 3, 7, 9, dtype=torch.float64, generator=torch.Generator().manual_seed(0)) * 0.4 + 0.3
    assert torch.autograd.gradcheck(preprocessing.smooth, pixels.requires_grad_(True), eps=1e-6, atol=1e-6, fast_mode=True)

    weights = torch.rand(preprocessing.smooth(pixels).shape, dtype=torch.float64)
    (expected,) = torch.autograd.grad((preprocessing.smooth(pixels) * weights).sum(), pixels)
    straight = preprocessing(pixels)
    (found,) = torch.autograd.grad((straight * weights).sum(), pixels)
    assert torch.equal(found, expected)
    assert torch.equal(straight.float(), preprocessing.exact(pixels))


class Upside(SiglipImageProcessorPil):
    """A processor with an option of its own."""

    def rescale(self, image: NDArray[Any], scale: float, **kwargs: Any) -> NDArray[Any]:
        return super().rescale(image, scale)[:, ::-1].copy()


class Longest(SiglipImageProcessorPil):
    """A processor that resizes in a way of its own."""

    def resize(self, image: NDArray[Any], size: Any, **kwargs: Any) -> NDArray[Any]:
        return np.zeros((3, 16, 20), np.uint8) + image.max()


@pytest.mark.parametrize("processor", [Upside(size={"height": 16, "width": 20}), Longest(size={"longest_edge": 20})])
def test_a_processor_with_unknown_options_is_called_itself(processor: Any) -> None:
    preprocessing = Preprocessing(processor)
    assert not preprocessing.understood
    picture = drawn(30, 21)
    pixels = as_pixels([picture]).requires_grad_(True)
    assert torch.equal(preprocessing.pictures([picture]), by_library(processor, [picture]))
    found = preprocessing(pixels)
    assert torch.equal(found, by_library(processor, [picture]))
    found.sum().backward()
    assert pixels.grad is not None
    assert pixels.grad.abs().sum() > 0
