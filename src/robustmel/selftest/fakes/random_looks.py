"""Looks that differ each time, so that the gradient of one says little about the next."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.linkers.contract import Linker
from robustmel.selftest.fakes.veil import Ask, Veiled


@dataclass(frozen=True)
class RandomResize:
    """Shrinks every batch to a size drawn anew each time and puts it somewhere on a grey ground of the old size.

    Args:
        smallest: Of the old size, a share.

    Source:
        Xie et al., "Mitigating Adversarial Effects Through Randomization", ICLR 2018.
    """

    smallest: float = 0.6

    version: ClassVar[int] = 1

    def defend(self, linker: Linker) -> Linker:
        """The linker behind it; its lots are drawn from a generator of its own, which nobody resets."""
        lots = torch.Generator().manual_seed(0)

        def see(ask: Ask, pixels: Tensor) -> Tensor:
            high, wide = (self._drawn(side, lots) for side in pixels.shape[2:])
            top, left = (
                int(torch.randint(room + 1, (), generator=lots)) for room in (pixels.shape[2] - high, pixels.shape[3] - wide)
            )
            small = functional.interpolate(pixels, (high, wide), mode="bilinear", antialias=True)
            right, bottom = pixels.shape[3] - wide - left, pixels.shape[2] - high - top
            return ask(functional.pad(small, (left, right, top, bottom), value=0.5))

        return Veiled(linker, see)

    def _drawn(self, side: int, lots: torch.Generator) -> int:
        least = max(1, round(self.smallest * side))
        return int(torch.randint(least, side + 1, (), generator=lots))


@dataclass(frozen=True)
class StochasticVote:
    """Counts the answers to several noisy copies of the picture; a count has no gradient.

    Args:
        votes: Copies.
        noise: Standard deviation of their noise, pixels in [0, 1].

    Source:
        Cohen, Rosenfeld & Kolter, "Certified Adversarial Robustness via Randomized Smoothing", ICML 2019, without its certificate.
    """

    votes: int = 9
    noise: float = 0.1

    version: ClassVar[int] = 1

    def defend(self, linker: Linker) -> Linker:
        """The linker behind it; its noise is drawn from a generator of its own, which nobody resets."""
        lots = torch.Generator().manual_seed(0)

        def see(ask: Ask, pixels: Tensor) -> Tensor:
            counts = torch.zeros(())
            for _ in range(self.votes):
                noise = torch.randn(pixels.shape, generator=lots).to(pixels.device)
                scores = ask((pixels + self.noise * noise).clamp(0, 1))
                vote = functional.one_hot(scores.argmax(1), scores.shape[1]) / self.votes
                counts = counts + vote.masked_fill(scores.isinf(), -torch.inf)
            return counts

        return Veiled(linker, see)
