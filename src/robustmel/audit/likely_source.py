"""Whose gradients a set follows, and whom it fools."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import binomtest
from torch import Tensor

from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.gradients import loss_gradient
from robustmel.attacks.image.losses import margin
from robustmel.audit.audited_image import AuditedImage
from robustmel.linkers.contract import Linker
from robustmel.types import Query

FEWEST = 8
"""Images without which no source is named."""
FAINT = 0.03
"""Mean cosine below which a change follows nobody: what unrelated linkers reach."""
CHANCE = 0.05
"""Of as many images on which the likeliest is ahead, were it no likelier than another (sign test)."""


@dataclass(frozen=True)
class Asked:
    """A mention whose clean and perturbed image a linker is shown.

    Args:
        query: Its query; the right entity is among its candidates.
        gold: Place of the right one among them.
        entity: The right one, by which shares are clustered.
        clean: The clean image.
        image: The perturbed one.
    """

    query: Query
    gold: int
    entity: str
    clean: AuditedImage
    image: AuditedImage


@dataclass(frozen=True)
class Fooled:
    """One linker on a set, in I2T.

    Args:
        linker: Its name.
        right_clean: For each mention, whether it is linked with the clean image.
        right: And with the perturbed one.
        cosines: For each changed image of the clean size, the cosine between its change and the gradient, at the clean image, of the
            margin: the best wrong score less the right one.
        rises: By how much the margin rose on each of these, in units of the mean distance of the clean margins from 0.
    """

    linker: str
    right_clean: tuple[bool, ...]
    right: tuple[bool, ...]
    cosines: tuple[float, ...]
    rises: tuple[float, ...]

    @property
    def broken(self) -> tuple[bool, ...]:
        """For each mention, whether it was linked before and is not now."""
        return tuple(before and not after for before, after in zip(self.right_clean, self.right, strict=True))

    @property
    def cosine(self) -> float | None:
        """The mean."""
        return float(np.mean(self.cosines)) if self.cosines else None

    @property
    def pulls(self) -> tuple[float, ...]:
        """Of each of these images, how far it went where the gradient pointed, and with what success: cosine times rise."""
        return tuple(cosine * max(rise, 0.0) for cosine, rise in zip(self.cosines, self.rises, strict=True))


def ask(name: str, linker: Linker, mentions: Sequence[Asked]) -> Fooled:
    """Shows a linker both images of every mention."""
    before, after, cosines, rises = [], [], [], []
    for asked in mentions:
        clean, image = (_pixels(picture) for picture in (asked.clean, asked.image))
        gold = torch.tensor([asked.gold])
        own = Goal(gold)

        def scores(pixels: Tensor, rows: Tensor | None = None, query: Query = asked.query) -> Tensor:
            return linker.logits(pixels, [query], "I2T").cpu()  # type: ignore[attr-defined,no-any-return]

        slope = loss_gradient(scores, clean, own, margin)
        with torch.no_grad():
            now = float(own.margin(scores(image)))
        before.append(float(slope.margin))
        after.append(now)
        change = image - clean if image.shape == clean.shape else torch.zeros(1)
        if change.any() and not bool(slope.zero):
            cosines.append(float((change * slope.gradient).sum() / (change.norm() * slope.gradient.norm())))
            rises.append(now - before[-1])
    unit = max(float(np.mean(np.abs(before))), 1e-12)
    return Fooled(
        name,
        tuple(value < 0 for value in before),
        tuple(value < 0 for value in after),
        tuple(cosines),
        tuple(rise / unit for rise in rises),
    )


def likeliest(fooled: Mapping[str, Fooled]) -> tuple[str | None, str]:
    """The linker a set was most likely made on and a sentence about it; None where the linkers at hand cannot tell.

    An attack by gradients goes about where the gradient of its source pointed at the clean image, and raises that linker's margin
    above all. The likeliest source is the linker with the highest mean pull, if it is clearly ahead of every other on the same images
    (sign test).
    """
    ranked = sorted((one for one in fooled.values() if one.cosines), key=lambda one: -float(np.mean(one.pulls)))
    if not ranked:
        return None, "No linker at hand has gradients at these images, so no source can be named."
    best, n = ranked[0], len(ranked[0].cosines)
    if n < FEWEST:
        return None, f"Only {n} images were changed and have their clean size: too few to name a source."
    if (best.cosine or 0) < FAINT:
        return (
            None,
            f"The changes follow the gradients of none of these linkers (mean cosine with those of {best.linker} {best.cosine:.3f}).",
        )
    rivals = [one.linker for one in ranked[1:] if len(one.cosines) == n and not _ahead(best, one)]
    figures = f"mean cosine with its gradients {best.cosine:.3f}"
    if len(ranked) > 1:
        figures += f"; next {ranked[1].linker}, {ranked[1].cosine:.3f}"
    if rivals:
        either = " or ".join([best.linker, *rivals[:2], *(["others"] if len(rivals) > 2 else [])])
        return None, f"Most likely made on {either}, which cannot be told apart here ({figures})."
    return best.linker, f"Of these linkers most likely made on {best.linker} ({figures})."


def _ahead(best: Fooled, other: Fooled) -> bool:
    wins = sum(own > rival for own, rival in zip(best.pulls, other.pulls, strict=True))
    return bool(binomtest(wins, len(best.pulls), alternative="greater").pvalue <= CHANCE)


def _pixels(image: AuditedImage) -> Tensor:
    """float32 (1, 3, H, W) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image.levels.transpose(2, 0, 1)[None] / 255)).float().clamp(0, 1)
