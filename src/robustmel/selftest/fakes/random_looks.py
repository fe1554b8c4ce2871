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
    """Counts the answers to several copies of the picture of which only some patches are left; a count has no gradient.

    Args:
        votes: Copies.
        left: Share of the patches that each copy keeps; the rest is grey.
        patches: To a side.

    Source:
        Levine & Feizi, "Robustness Certificates for Sparse Adversarial Attacks by Randomized Ablation", AAAI 2020, without its
        certificate.
    """

    votes: int = 9
    left: float = 0.25
    patches: int = 8

    version: ClassVar[int] = 1

    def defend(self, linker: Linker) -> Linker:
        """The linker behind it; its lots are drawn from a generator of its own, which nobody resets."""
        lots = torch.Generator().manual_seed(0)

        def see(ask: Ask, pixels: Tensor) -> Tensor:
            counts = torch.zeros((), device=pixels.device)
            for _ in range(self.votes):
                kept = (torch.rand(len(pixels), 1, self.patches, self.patches, generator=lots) < self.left).float()
                shown = functional.interpolate(kept, pixels.shape[2:]).to(pixels.device)
                scores = ask(pixels * shown + 0.5 * (1 - shown))
                vote = functional.one_hot(scores.argmax(1), scores.shape[1]) / self.votes
                counts = counts + vote.masked_fill(scores.isinf(), -torch.inf)
            return counts

        return Veiled(linker, see)
