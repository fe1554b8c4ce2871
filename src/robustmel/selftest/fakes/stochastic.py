"""Stochastic gradients: scores differ each time, so that the gradient of one call says little about the next."""

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.kb import KnowledgeBase
from robustmel.selftest.fakes.masked import FakeDefence, LinkerScores


class RandomResize(FakeDefence):
    """Shrinks every batch to a size drawn anew each time and puts it somewhere on a grey ground of the old size.

    Args:
        smallest: Of the old size, a share.

    Source:
        Xie et al., "Mitigating Adversarial Effects Through Randomization", ICLR 2018.
    """

    def __init__(self, kb: KnowledgeBase, /, smallest: float = 0.6) -> None:
        self.smallest = smallest
        self.generator = torch.Generator().manual_seed(0)

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """Scores that differ from call to call: nobody resets the generator."""
        high, wide = (self._drawn(side) for side in pixels.shape[2:])
        top, left = (
            int(torch.randint(room + 1, (), generator=self.generator))
            for room in (pixels.shape[2] - high, pixels.shape[3] - wide)
        )
        small = functional.interpolate(pixels, (high, wide), mode="bilinear", antialias=True)
        right, bottom = pixels.shape[3] - wide - left, pixels.shape[2] - high - top
        return scores_of(functional.pad(small, (left, right, top, bottom), value=0.5))

    def _drawn(self, side: int) -> int:
        least = max(1, round(self.smallest * side))
        return int(torch.randint(least, side + 1, (), generator=self.generator))


class StochasticVote(FakeDefence):
    """Counts the answers to several copies of the picture of which only some patches are left; a count has no gradient.

    Args:
        votes: Copies.
        left: Share of the patches that each copy keeps; the rest is grey.
        patches: To a side.

    Source:
        Levine & Feizi, "Robustness Certificates for Sparse Adversarial Attacks by Randomized Ablation", AAAI 2020, without its
        certificate.
    """

    def __init__(self, kb: KnowledgeBase, /, votes: int = 9, left: float = 0.25, patches: int = 8) -> None:
        self.votes = votes
        self.left = left
        self.patches = patches
        self.generator = torch.Generator().manual_seed(0)

    def masked_scores(self, scores_of: LinkerScores, pixels: Tensor) -> Tensor:
        """Scores that differ from call to call: nobody resets the generator."""
        counts = torch.zeros((), device=pixels.device)
        for _ in range(self.votes):
            mask = (torch.rand(len(pixels), 1, self.patches, self.patches, generator=self.generator) < self.left).float()
            enlarged = functional.interpolate(mask, pixels.shape[2:]).to(pixels.device)
            scores = scores_of(pixels * enlarged + 0.5 * (1 - enlarged))
            vote = functional.one_hot(scores.argmax(1), scores.shape[1]) / self.votes
            counts = counts + vote.masked_fill(scores.isinf(), -torch.inf)
        return counts
