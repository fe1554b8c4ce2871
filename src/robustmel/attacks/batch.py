"""The state of a run, of which images may leave."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Self

from torch import Tensor

from robustmel.attacks.ball import Ball


@dataclass
class Batch:
    """Base of a run's state: a dataclass of tensors with a row an image, and of balls.

    Args:
        rows: int64 (b,): which images of the whole batch these are.
        ball: Where they may go.
        current: float32 (b, 3, H, W), the iterates.
    """

    rows: Tensor
    ball: Ball
    current: Tensor

    def narrow(self, keep: Tensor) -> Self:
        """The state of some images: those where `keep`, bool (b,), holds."""
        if keep.all():
            return self
        kept: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            kept[field.name] = value.narrow(keep) if isinstance(value, Ball) else value[keep]
        return type(self)(**kept)


def replaced(images: Tensor, where: Tensor, others: Tensor) -> Tensor:
    """`images` with `others` in some places; no copy where it is all or none, since iterates are never written over."""
    if not where.any():
        return images
    return others if where.all() else others.where(where[:, None, None, None], images)
