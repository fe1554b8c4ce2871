"""Accuracy among candidates, by the quick path: every image and text encoded once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import normalize

from robustmel.training.encoder import DualEncoder
from robustmel.training.examples import Examples, Material

CHUNK = 256
"""Rows encoded at a time; it bounds memory only."""


@torch.inference_mode()
def accuracies(encoder: DualEncoder, material: Material, examples: Examples) -> dict[str, float]:
    """Share of ALL mentions linked correctly, per task; {} for none.

    A tie with the gold candidate is credited by 1 / number tied, a gold entity that is no candidate counts as wrong, and so
    does a mention without a usable image where the task reads it.
    """
    if not len(examples):
        return {}
    was_training = encoder.model.training
    encoder.model.eval()
    bank, device = material.bank, encoder.model.device
    wanted = sorted({entity for listed in examples.candidates for entity in listed})
    column = {entity: place for place, entity in enumerate(wanted)}
    labels = _encoded(
        torch.tensor([material.entity_rows[entity][0] for entity in wanted], dtype=torch.long),
        lambda rows: encoder.texts(bank.batch(rows)),
    )
    texts = _encoded(examples.text, lambda rows: encoder.texts(bank.batch(rows)))
    pictured = examples.image >= 0
    images = torch.zeros_like(texts)
    if bool(pictured.any()):
        images[pictured] = _encoded(
            examples.image[pictured], lambda rows: encoder.images(material.images[rows].to(device).float() / 255)
        )
    fused = normalize(images + texts, dim=-1)
    encoder.model.train(was_training)
    sides: dict[str, tuple[Tensor, bool]] = {"I2T": (images, True), "IT2T": (fused, True), "T2T": (texts, False)}
    found: dict[str, float] = {}
    for task, (side, reads_image) in sides.items():
        scores = side @ labels.T if wanted else side
        credit = 0.0
        for row, (gold, listed) in enumerate(zip(examples.gold.tolist(), examples.candidates, strict=True)):
            if gold in listed and (not reads_image or bool(pictured[row])):
                among = scores[row, [column[one] for one in listed]]
                right = scores[row, column[gold]]
                credit += 0.0 if bool((among > right).any()) else 1.0 / int((among == right).sum())
        found[task] = credit / len(examples)
    return found


def _encoded(rows: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.cat([encode(chunk).cpu() for chunk in torch.split(rows, CHUNK)]) if len(rows) else torch.zeros(0, 1)
