"""Whether a model was left as it is during training."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

DEPTH, MEMBERS = 4, 16
"""How deep below a linker models are looked for (a defence holds a linker, which holds a tower), and in how many members of a list."""


def in_training_mode(linker: object) -> bool:
    """Whether dropout or batch statistics are switched on in any model that a linker holds.

    Layers that act alike in both modes do not count, so a model without the others is never in training mode.
    """
    torch: Any = sys.modules.get("torch")  # a linker without torch has no such model
    if torch is None:
        return False
    dropout, batch = torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm
    layers = (layer for model in _models(linker, torch.nn.Module, DEPTH, set()) for layer in model.modules() if layer.training)
    return any(isinstance(layer, batch) or (isinstance(layer, dropout) and layer.p > 0) for layer in layers)


def _models(thing: object, model: type, depth: int, seen: set[int]) -> Iterator[Any]:
    if id(thing) in seen:
        return
    seen.add(id(thing))
    if isinstance(thing, model):
        yield thing
        return
    parts = list(vars(thing).values()) if hasattr(thing, "__dict__") and not isinstance(thing, type) else []
    if isinstance(thing, (list, tuple)):
        parts = list(thing[:MEMBERS])
    for part in parts if depth else ():
        yield from _models(part, model, depth - 1, seen)
