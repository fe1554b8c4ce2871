"""The project's own attacks behind the call that outside measuring sticks make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from robustmel.attacks import ATTACKS
from robustmel.attacks.image.item_noise import ItemNoise


def visual(classifier: Callable[[Tensor], Tensor], images: Tensor, labels: Tensor, **params: Any) -> Tensor:
    """Adversarial images of a classifier, by the attack classes as users get them.

    Args:
        classifier: float32 (B, 3, H, W) in [0, 1] -> (B, C) scores.
        images: float32 (B, 3, H, W) in [0, 1].
        labels: int64 (B,).
        params: `attack` ("pgd", "apgd", "cw"), `seed`, `batch_size`, and the attack's own parameters.

    Raises:
        NotImplementedError: There is no such attack.
    """
    name, seed, batch_size = params.pop("attack"), params.pop("seed", 0), params.pop("batch_size", len(images))
    if name not in ATTACKS:
        raise NotImplementedError(f"no attack {name}")
    attack = ATTACKS.create(name, **params)
    done = []
    for start in range(0, len(images), batch_size):
        pixels, gold = images[start : start + batch_size], labels[start : start + batch_size]
        noise = ItemNoise(range(seed + start, seed + start + len(pixels)), tuple(images.shape[1:]), images.device)
        done.append(attack.perturb(pixels, lambda batch, rows=None: classifier(batch), gold, noise).pixels)
    return torch.cat(done)
