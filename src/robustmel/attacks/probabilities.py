"""Whether scores are probabilities, of which a cross-entropy makes little: its gradient vanishes where they are sure."""

from __future__ import annotations

import torch
from torch import Tensor

from robustmel.attacks.contract import Objective

CLOSE = 1e-4
"""How far a sum may be from 1."""

NOTE = "scores lie in [0, 1] and sum to 1, as probabilities do; cross-entropy and the ratio loss are made for logits"


class Overheard:
    """An objective that notes whose scores have looked like probabilities whenever they were asked for.

    Args:
        objective: The scores.
        like: Any tensor with a row an image, for number and device.

    Source:
        The range check of Croce & Hein's AutoAttack.
    """

    def __init__(self, objective: Objective, like: Tensor) -> None:
        self.objective = objective
        self.suspect = torch.ones(len(like), dtype=torch.bool, device=like.device)
        self._listening = True

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C): the objective's own."""
        scores = self.objective(pixels, rows)
        if self._listening:
            every = torch.arange(len(scores), device=scores.device) if rows is None else rows
            self.suspect[every] &= look_like_probabilities(scores.detach())
            self._listening = bool(self.suspect.any())
        return scores


def look_like_probabilities(scores: Tensor) -> Tensor:
    """Whether an image's scores, absent candidates apart, lie in [0, 1] and sum to 1: bool (b,). One alone says nothing."""
    known = scores != -torch.inf
    values = torch.where(known, scores, 0.0)
    inside = ((values >= 0) & (values <= 1)).all(1)
    return inside & ((values.sum(1) - 1).abs() <= CLOSE) & (known.sum(1) > 1)
