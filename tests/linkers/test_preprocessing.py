"""The model's input against the library's own processor, and its gradient against finite differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from transformers.image_transforms import get_resize_output_image_size, get_size_with_aspect_ratio
from transformers.image_utils import get_image_size_for_max_height_width
from transformers.models.blip.image_processing_pil_blip import BlipImageProcessorPil
from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil
from transformers.models.efficientnet.image_processing_pil_efficientnet import EfficientNetImageProcessorPil
from transformers.models.flava.image_processing_pil_flava import FlavaImageProcessorPil
from transformers.models.owlvit.image_processing_pil_owlvit import OwlViTImageProcessorPil
from transformers.models.siglip.image_processing_pil_siglip import SiglipImageProcessorPil

from robustmel.errors import ImageError, UsageError
from robustmel.images import MAX_PIXELS
from robustmel.linkers.preprocessing import Preprocessing
from robustmel.linkers.processor_settings import Settings
from robustmel.linkers.resampling import Resize

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
    "both edges": CLIPImageProcessorPil(size={"shortest_edge": 48, "longest_edge": 96}, crop_size=48),
    "both edges, the longer decides": CLIPImageProcessorPil(size={"shortest_edge": 48, "longest_edge": 60}, crop_size=48),
    "both edges, padded": SiglipImageProcessorPil(size={"shortest_edge": 32, "longest_edge": 48}, do_pad=True, pad_size=48),
    "most in height and width": CLIPImageProcessorPil(size={"max_height": 40, "max_width": 48}, crop_size=48),
    "most in height and width, padded": SiglipImageProcessorPil(
        size={"max_height": 40, "max_width": 48}, do_pad=True, pad_size={"height": 48, "width": 56}
    ),
    "whole numbers": CLIPImageProcessorPil(size=48, crop_size=40),
    "lists": CLIPImageProcessorPil(size=[48, 40], crop_size=[40, 24]),
    "nothing resized": CLIPImageProcessorPil(do_resize=False, crop_size=32),
    "nothing resized, padded": SiglipImageProcessorPil(
        do_resize=False, do_center_crop=True, crop_size=40, do_pad=True, pad_size={"height": 48, "width": 56}
    ),
    "a filter's name": SiglipImageProcessorPil(size=32, resample="bicubic"),
    "one mean for all channels": SiglipImageProcessorPil(size={"height": 32, "width": 24}, image_mean=0.5, image_std=0.25),
    "a pad that is ignored": EfficientNetImageProcessorPil(size={"height": 32, "width": 32}, do_pad=True, pad_size=48),
    "no mean": SiglipImageProcessorPil(size={"height": 32, "width": 32}, do_normalize=False),
    "a mean of levels": SiglipImageProcessorPil(size=32, do_rescale=False, image_mean=[120, 110, 100], image_std=[60, 50, 40]),
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
    assert preprocessing.no_gradient == ""
    for size in SIZES:
        pictures = [drawn(*size, seed=1), drawn(*size, seed=2)]
        try:
            expected = by_library(PROCESSORS[name], pictures)
        except ValueError:  # a side of no pixels, or one longer than what is padded to
            with pytest.raises(ImageError):
                preprocessing.pictures(pictures)
            continue
        assert torch.equal(preprocessing.pictures(pictures), expected), size
        assert torch.equal(preprocessing.exact(as_pixels(pictures)), expected), size


@pytest.mark.parametrize("name", PROCESSORS)
def test_the_gradient_foretells_what_the_library_makes_of_a_moved_pixel(name: str) -> None:
    """Finite differences pixel by pixel, through the library's processor and its rounding to 8 bits."""
    processor, random = PROCESSORS[name], np.random.default_rng(5)
    picture = random.integers(100, 150, (23, 31, 3), dtype=np.uint8)
    weights = torch.from_numpy(random.normal(size=tuple(by_library(processor, [picture]).shape)))
    pixels = as_pixels([picture]).double().requires_grad_(True)
    (gradient,) = torch.autograd.grad((Preprocessing(processor)(pixels) * weights).sum(), pixels)
    foretold, actual = [], []
    for row, column, channel in zip(*(random.integers(0, size, 60) for size in picture.shape), strict=True):
        sides = []
        for level in (-90, 90):
            moved = picture.copy()
            moved[row, column, channel] = int(picture[row, column, channel]) + level
            sides.append(float((by_library(processor, [moved]).double() * weights).sum()))
        actual.append((sides[1] - sides[0]) / (180 / 255))
        foretold.append(float(gradient[0, channel, row, column]))
    assert np.corrcoef(foretold, actual)[0, 1] > 0.99
    assert np.linalg.norm(foretold) == pytest.approx(np.linalg.norm(actual), rel=0.05)


sides = st.integers(1, 600)


@given(sides, sides, st.integers(1, 300), st.none() | st.integers(1, 300))
@example(1, 556, 300, None)
def test_edges_are_rounded_as_the_library_rounds_them(height: int, width: int, edge: int, beyond: int | None) -> None:
    size = {"shortest_edge": edge} | ({} if beyond is None else {"longest_edge": edge + beyond})
    settings = Settings(size, 2, None, 1.0, (0.0,) * 3, (1.0,) * 3)
    if beyond is None:
        expected = get_resize_output_image_size(np.empty((3, height, width)), edge, False, input_data_format="channels_first")
    else:
        expected = get_size_with_aspect_ratio((height, width), edge, edge + beyond)
    if min(expected) < 1 or expected[0] * expected[1] > MAX_PIXELS:
        with pytest.raises(ImageError):
            settings.resize(height, width)
    else:
        assert settings.resize(height, width).after == expected


@given(sides, sides, sides, sides)
def test_the_most_in_height_and_width_is_rounded_as_the_library_rounds_it(
    height: int, width: int, high: int, wide: int
) -> None:
    settings = Settings({"max_height": high, "max_width": wide}, 2, None, 1.0, (0.0,) * 3, (1.0,) * 3)
    expected = get_image_size_for_max_height_width((height, width), high, wide)
    if min(expected) < 1:
        with pytest.raises(ImageError):
            settings.resize(height, width)
    else:
        assert settings.resize(height, width).after == expected


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


class Trembling(CLIPImageProcessorPil):
    """What it makes of a picture depends on its brightest pixel."""

    def rescale(self, image: NDArray[Any], scale: float, **kwargs: Any) -> NDArray[Any]:
        return super().rescale(image, scale) * (1.0 if image.max() > 215 else 0.1)


ODD = [Upside(size={"height": 16, "width": 20}), Longest(size={"height": 16, "width": 20})]


@pytest.mark.parametrize("processor", ODD)
def test_a_processor_with_unknown_options_is_called_itself_and_gives_no_gradient(processor: Any) -> None:
    preprocessing = Preprocessing(processor)
    assert not preprocessing.understood
    assert f"({type(processor).__name__}) has unknown options" in preprocessing.no_gradient
    pixels = as_pixels([picture := drawn(30, 21)])
    assert torch.equal(preprocessing.pictures([picture]), by_library(processor, [picture]))
    assert torch.equal(preprocessing(pixels), by_library(processor, [picture]))
    with pytest.raises(UsageError, match="unknown options"):
        preprocessing(pixels.requires_grad_(True))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_gradients_are_tried_wherever_a_processor_is_read(mode: Any) -> None:
    with mode():
        assert Preprocessing(PROCESSORS["clip"]).no_gradient == ""


def test_a_gradient_that_finite_differences_contradict_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    trembling = Preprocessing(Trembling(do_resize=False, crop_size=32))
    assert trembling.understood  # on pictures with bright pixels
    assert "(Trembling) contradicts finite differences" in trembling.no_gradient
    smooth = Resize.smooth
    monkeypatch.setattr(Resize, "smooth", lambda resize, pixels: smooth(resize, pixels.flip(-1)))
    for processor in (PROCESSORS["clip"], PROCESSORS["both edges"], PROCESSORS["nothing resized"]):
        assert "contradicts finite differences" in Preprocessing(processor).no_gradient
