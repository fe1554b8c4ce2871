"""Who can be attacked, and who was fooled: the same for every modality."""

from __future__ import annotations

import torch
from torch import Tensor

from robustmel.types import Query


def unattackable(query: Query, gold: str | None) -> str | None:
    """Why there is nothing to displace from the first place; None where there is."""
    if gold is None:
        return "skipped:gold_is_nil"
    if gold not in query.candidates:
        return "skipped:gold_not_among_candidates"
    return "skipped:one_candidate" if len(query.candidates) < 2 else None


def wrong(scores: Tensor, right: Tensor) -> Tensor:
    """Bool (b,): whether another candidate scores higher than the right one.

    Args:
        scores: float32 (b, C), absent candidates at minus infinity.
        right: int64 (b,), columns.
    """
    own = scores.gather(1, right[:, None])
    others = scores.scatter(1, right[:, None], -torch.inf)
    return others.amax(1) > own[:, 0]
