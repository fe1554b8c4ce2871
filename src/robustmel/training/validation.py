"""Accuracy among candidates: by the quick path, every image and text encoded once, or of a linker's answers."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from robustmel.training.encoder import Encoder
from robustmel.training.examples import Examples, TrainingData
from robustmel.types import Mention, Prediction

CHUNK = 256
"""Rows encoded at a time; it bounds memory only."""


@torch.inference_mode()
def accuracies(encoder: Encoder, data: TrainingData, examples: Examples) -> dict[str, float]:
    """Share of ALL mentions linked correctly, per task; {} for none.

    A tie with the gold candidate is credited by 1 / number tied, a gold entity that is no candidate counts as wrong, and so
    does a mention without a usable image where the task reads it.
    """
    if not len(examples):
        return {}
    was_training = encoder.model.training
    encoder.model.eval()
    bank, device = data.bank, encoder.model.device
    entities = sorted({entity for listed in examples.candidates for entity in listed})
    column = {entity: place for place, entity in enumerate(entities)}
    labels = _encoded(
        torch.tensor([data.entity_rows[entity][0] for entity in entities], dtype=torch.long),
        lambda rows: encoder.texts(bank.batch(rows)),
    )
    texts = _encoded(examples.text, lambda rows: encoder.texts(bank.batch(rows)))
    pictured = examples.image >= 0
    images = _encoded(examples.image[pictured], lambda rows: encoder.images(data.images[rows].to(device).float() / 255))
    encoder.model.train(was_training)
    shares: dict[str, float] = {}
    for task, reads_image, reads_text in (("I2T", True, False), ("IT2T", True, True), ("T2T", False, True)):
        wanted_rows = pictured.nonzero().flatten() if reads_image else torch.arange(len(examples))
        credit = 0.0
        for places in torch.split(torch.arange(len(wanted_rows)), CHUNK) if entities and len(wanted_rows) else ():
            rows = wanted_rows[places]
            scores = encoder.cosines(images[places] if reads_image else None, texts[rows] if reads_text else None, labels)
            for row, row_scores in zip(rows.tolist(), scores, strict=True):
                gold, listed = int(examples.gold[row]), examples.candidates[row]
                if gold in listed:
                    credit += _credit(row_scores[[column[candidate] for candidate in listed]], row_scores[column[gold]])
        shares[task] = credit / len(examples)
    return shares


def share_of_first(mentions: Sequence[Mention], answers: Sequence[Prediction]) -> float:
    """Share of the mentions, at least one, whose entity has the highest score; ties count in part, what is not there is wrong."""
    credit = 0.0
    for mention, answer in zip(mentions, answers, strict=True):
        first = [entity for entity, score in zip(answer.ranked, answer.scores, strict=True) if score == answer.scores[0]]
        credit += (mention.gold in first) / max(1, len(first))
    return credit / len(mentions)


def _credit(among: Tensor, right: Tensor) -> float:
    return 0.0 if bool((among > right).any()) else 1.0 / int((among == right).sum())


def _encoded(rows: Tensor, encode: Callable[[Tensor], Tensor]) -> Tensor:
    return torch.cat([encode(chunk).cpu() for chunk in torch.split(rows, CHUNK)]) if len(rows) else torch.zeros(0, 1)
