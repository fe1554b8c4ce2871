"""Words drawn into images: a victim that reads them is fooled, one that does not is not, and the rest of the image stays."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.typographic import Typographic, drawn_text
from robustmel.errors import UsageError

NAMES = ["Albania", "Bhutan", "Chad"]
HEIGHT = 0.25


def blank(name: str) -> torch.Tensor:
    """The strip with a name, (3, 10, 64)."""
    picture = drawn_text(np.zeros((40, 64, 3), np.uint8), name, HEIGHT)
    return torch.from_numpy(picture).permute(2, 0, 1)[:, 30:].float() / 255


def reads(pixels: torch.Tensor, rows: torch.Tensor | None = None) -> torch.Tensor:
    """Scores by what the strip says; the first candidate has what nobody wrote."""
    drawn = torch.stack([blank(name) for name in NAMES[1:]])
    likeness = 1 - (pixels[:, None, :, 30:] - drawn).abs().mean((2, 3, 4))
    return torch.cat([torch.full((len(pixels), 1), 0.95), likeness], dim=1)


def perturbed(objective: object, **parameters: object) -> tuple[torch.Tensor, object]:
    pixels = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (2, 3, 40, 64))).float() / 255
    noise = ItemNoise([0, 1], (3, 40, 64), torch.device("cpu"))
    attack = Typographic(height=HEIGHT, **parameters).with_names([NAMES] * 2)  # type: ignore[arg-type]
    return pixels, attack.perturb(pixels, objective, torch.zeros(2, dtype=torch.int64), noise)  # type: ignore[arg-type]


def test_who_reads_is_fooled_and_all_but_the_strip_stays() -> None:
    pixels, result = perturbed(reads)
    assert result.succeeded.all()  # type: ignore[attr-defined]
    assert result.queries.max() <= 3  # type: ignore[attr-defined]
    assert torch.equal(result.pixels[:, :, :30], pixels[:, :, :30])  # type: ignore[attr-defined]
    strips = [blank(name) for name in NAMES[1:]]
    assert all(any(torch.equal(picture[:, 30:], strip) for strip in strips) for picture in result.pixels)  # type: ignore[attr-defined]


def test_who_does_not_read_is_not_and_keeps_the_image() -> None:
    pixels, result = perturbed(lambda pixels, rows=None: torch.tensor([[1.0, 0.5, 0.2]]).expand(len(pixels), 3))
    assert not result.succeeded.any()  # type: ignore[attr-defined]
    assert torch.equal(result.pixels, pixels)  # type: ignore[attr-defined]
    assert result.queries.tolist() == [3, 3]  # type: ignore[attr-defined]


def test_long_texts_are_written_smaller_and_other_braces_are_refused() -> None:
    long = drawn_text(np.zeros((40, 64, 3), np.uint8), "The answer is certainly Bhutan", HEIGHT)
    assert 0 < (long[30:] < 128).mean() < 0.5
    with pytest.raises(UsageError, match="no other braces"):
        Typographic(text="{place}")
