from __future__ import annotations

import io
import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter, uniform_filter1d
from torch import Tensor

from robustmel.attacks.image.corruption import SHORT, Corruption
from robustmel.attacks.image.degradations import DEGRADATIONS, DRAWN, reach
from robustmel.errors import UsageError

KINDS = pytest.mark.parametrize("kind", DEGRADATIONS)


def scene(height: int = 24, width: int = 40, seed: int = 0) -> Tensor:
    """A smooth picture of 8 bits with an edge and some grain: (3, H, W)."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 4, 5, generator=draw)
    smooth = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")[0]
    smooth[:, :, width // 2 :] *= 0.3
    return ((smooth + 0.05 * torch.randn(3, height, width, generator=draw)).clamp(0, 1) * 255).round() / 255


def normal(picture: Tensor, seed: int = 1) -> Tensor:
    return torch.randn(picture.shape, generator=torch.Generator().manual_seed(seed))


@KINDS
@pytest.mark.parametrize(("norm", "eps"), [("rms", "8/255"), ("rms", 0.05), ("linf", "8/255"), ("l2", 1.5)])
def test_the_change_has_the_size_asked_for(kind: str, norm: Any, eps: Any, perturb: Any) -> None:
    pixels = torch.stack([scene(seed=number) for number in range(3)])
    attack = Corruption(kind, eps, norm)
    found = perturb(attack, None, pixels, torch.zeros(3, dtype=torch.long))
    wanted = attack.eps * math.sqrt(pixels[0].numel()) if norm == "rms" else attack.eps
    saved = (found.pixels.double() * 255).round() / 255 - pixels
    sizes = saved.flatten(1).abs().amax(1) if norm == "linf" else saved.flatten(1).norm(dim=1)
    assert sizes.tolist() == pytest.approx([wanted] * 3, rel={"jpeg": 0.04, "brightness": 0.07}.get(kind, 0.01))
    assert float(sizes.max()) <= wanted * (1 + 1e-6)
    assert 0 <= float(found.pixels.min()) <= float(found.pixels.max()) <= 1
    assert found.note == ""
    assert not found.succeeded.any()
    assert not found.queries.any()


def test_an_rms_of_eps_is_as_long_as_noise_that_moves_every_entry_by_eps(perturb: Any) -> None:
    from robustmel.attacks.image.noise import UniformNoise

    pixels = 0.5 + 0.1 * torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    gold = torch.zeros(2, dtype=torch.long)
    noise = perturb(UniformNoise(8 / 255), None, pixels, gold)
    found = perturb(Corruption("contrast", 8 / 255), None, pixels, gold)
    assert torch.allclose(found.l2, noise.l2, rtol=0.01)


@KINDS
def test_neighbours_do_not_matter_and_seeds_matter_to_what_draws(kind: str, perturb: Any) -> None:
    pixels, gold = torch.stack([scene(seed=number) for number in range(3)]), torch.zeros(3, dtype=torch.long)
    attack = Corruption(kind, 0.05)
    together = perturb(attack, None, pixels, gold)
    alone = perturb(attack, None, pixels[1:2], gold[:1], first=1)
    other = perturb(attack, None, pixels, gold, first=50)
    assert torch.equal(alone.pixels[0], together.pixels[1])
    assert torch.equal(other.pixels, together.pixels) == (kind not in DRAWN)
    assert attack.random == (kind in DRAWN)


@KINDS
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (64, 5)])
def test_any_size_goes_through(kind: str, size: tuple[int, int], perturb: Any) -> None:
    pixels = scene(*size)[None]
    found = perturb(Corruption(kind, 4 / 255), None, pixels, torch.zeros(1, dtype=torch.long))
    assert found.pixels.shape == pixels.shape
    assert bool(found.pixels.isfinite().all())


@pytest.mark.parametrize("kind", ["gaussian_blur", "defocus_blur", "motion_blur", "pixelate", "contrast"])
def test_a_flat_picture_is_left_and_the_note_says_so(kind: str, perturb: Any) -> None:
    pixels = torch.stack([torch.full((3, 16, 16), 0.4), scene(16, 16)])
    found = perturb(Corruption(kind, 8 / 255), None, pixels, torch.zeros(2, dtype=torch.long))
    assert found.note == SHORT
    assert float(found.linf[0]) < 1e-5
    assert float(found.l2[1]) == pytest.approx(8 / 255 * math.sqrt(3 * 256), rel=0.01)


def test_a_size_of_zero_changes_nothing(perturb: Any) -> None:
    pixels = scene()[None]
    assert torch.equal(perturb(Corruption("jpeg", 0), None, pixels, torch.zeros(1, dtype=torch.long)).pixels, pixels)


@KINDS
def test_a_higher_severity_changes_more(kind: str) -> None:
    picture = scene(48, 48)
    lengths = [float((DEGRADATIONS[kind](picture, one, normal(picture)) - picture).norm()) for one in (0.05, 0.2, 0.8)]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[2]


def test_a_gaussian_blur_is_scipy_s() -> None:
    picture = scene(30, 50)
    wanted = [
        gaussian_filter(channel, 0.2 * reach(picture), mode="nearest", truncate=4) for channel in picture.double().numpy()
    ]
    assert np.allclose(DEGRADATIONS["gaussian_blur"](picture, 0.2, normal(picture)), wanted, atol=1e-4)


def test_motion_is_the_mean_along_the_row() -> None:
    picture = scene(20, 64)
    wanted = uniform_filter1d(picture.double().numpy(), 17, axis=2, mode="nearest")  # 8.5 pixels to either side of the middle
    assert np.allclose(DEGRADATIONS["motion_blur"](picture, 8.5 / reach(picture), normal(picture)), wanted, atol=1e-5)


def test_a_disc_spreads_a_point_over_its_area() -> None:
    picture = torch.zeros(3, 41, 41)
    picture[:, 20, 20] = 1
    spread = DEGRADATIONS["defocus_blur"](picture, 8 / reach(picture), picture)[0]
    assert float(spread.sum()) == pytest.approx(1, abs=1e-4)
    assert int((spread > 0).sum()) == pytest.approx(math.pi * 8.5**2, rel=0.1)
    assert float(spread[20, 20:28].std()) < 1e-6


def test_compression_is_pillow_s() -> None:
    picture = (scene() * 255).round() / 255
    file = io.BytesIO()
    Image.fromarray((picture * 255).round().byte().permute(1, 2, 0).numpy()).save(file, format="JPEG", quality=48)
    wanted = np.array(Image.open(file)).transpose(2, 0, 1) / 255
    assert np.allclose(DEGRADATIONS["jpeg"](picture, 0.5, picture), wanted, atol=1e-6)


def test_pixels_are_the_means_of_their_squares() -> None:
    picture = scene(32, 32)
    coarse = DEGRADATIONS["pixelate"](picture, 7 / 31, picture)
    wanted = picture.reshape(3, 4, 8, 4, 8).mean((2, 4)).repeat_interleave(8, 1).repeat_interleave(8, 2)
    assert torch.allclose(coarse, wanted, atol=1e-6)


def test_light_and_grey_are_what_they_say() -> None:
    picture = scene()
    assert torch.allclose(DEGRADATIONS["brightness"](picture, 0.3, picture), (picture + 0.3).clamp(0, 1))
    assert torch.allclose(DEGRADATIONS["contrast"](picture, 0.3, picture), 0.7 * picture + 0.3 * picture.mean(), atol=1e-6)
    hazy = DEGRADATIONS["haze"](picture, 0.6, normal(picture))
    assert bool(((hazy - 0.85).abs() <= (picture - 0.85).abs() + 1e-6).all())


def test_shot_noise_grows_with_the_root_of_the_brightness() -> None:
    dark, light = torch.full((3, 200, 200), 0.16), torch.full((3, 200, 200), 0.64)
    noise = normal(dark)
    spreads = [float((DEGRADATIONS["shot_noise"](one, 0.05, noise) - one).std()) for one in (dark, light)]
    assert spreads == pytest.approx([0.05 * 0.4, 0.05 * 0.8], rel=0.02)
    assert float((DEGRADATIONS["gaussian_noise"](dark, 0.05, noise) - dark).std()) == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize("given", [{"kind": "snow"}, {"norm": "l1"}, {"eps": 8}, {"eps": -1}])
def test_values_out_of_range_are_told(given: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        Corruption(**given)
