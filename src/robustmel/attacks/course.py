"""How far an attack got on each image: what tells a robust linker from an attack that does not work."""

from __future__ import annotations

import torch
from torch import Tensor

from robustmel.attacks.gradients import Slope


class Course:
    """Loss and margin of each image at the first gradient, and the highest of each since; NaN before there was any.

    Args:
        like: Any tensor with a row an image, for number and device.
    """

    def __init__(self, like: Tensor) -> None:
        blank = torch.full((len(like),), torch.nan, device=like.device)
        self.loss_first, self.loss_best, self.margin_first, self.margin_best = (blank.clone() for _ in range(4))

    def note(self, slope: Slope, rows: Tensor) -> None:
        """Takes note of a slope at the images `rows`, int64 (b,); what is not finite is passed over."""
        for values, first, best in (
            (slope.loss, self.loss_first, self.loss_best),
            (slope.margin, self.margin_first, self.margin_best),
        ):
            known = torch.where(slope.finite, values.float(), torch.nan)
            first[rows] = torch.where(first[rows].isnan(), known, first[rows])
            best[rows] = torch.fmax(best[rows], known)
