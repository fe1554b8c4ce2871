"""The training and validation mentions of data sets as tensors: every image decoded and every text tokenized once."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers.texts import query_text
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.encoder import Encoder
from robustmel.training.image_rows import ImageRows
from robustmel.training.texts import TextBank, entity_texts
from robustmel.training.trainee import CandidateLists, no_training_mention
from robustmel.types import Entity, Mention, Query

MentionRow = tuple[int, str, int, tuple[int, ...]]
"""Of one mention: its image's row or -1, its query text, its gold entity or -1, its candidates."""


@dataclass(frozen=True)
class Examples:
    """Mentions of one split.

    Args:
        image: int64 (N,): row in `TrainingData.images`; -1 without a usable image.
        text: int64 (N,): row in the bank.
        gold: int64 (N,): index of the entity.
        candidates: Entity indices per mention; empty tuples in training.
    """

    image: Tensor
    text: Tensor
    gold: Tensor
    candidates: tuple[tuple[int, ...], ...]

    def __len__(self) -> int:
        return len(self.gold)


@dataclass(frozen=True)
class TrainingData:
    """Everything a training reads.

    Args:
        images: uint8 (M, 3, S, S).
        bank: All texts.
        entity_rows: Per entity the rows of its texts, the prompt with its name first.
        train: Training mentions.
        held_out: Mentions to measure on, possibly none.
        digest: Of the texts, the gold entities and the resized pixels.
        remarks: What was left out or cut, and how often.
        queries: What was asked of each training mention, in order.
    """

    images: Tensor
    bank: TextBank
    entity_rows: tuple[tuple[int, ...], ...]
    train: Examples
    held_out: Examples
    digest: str
    remarks: Counter[str]
    queries: tuple[Query, ...] = ()


def training_texts(datasets: Iterable[Dataset], recipe: DualEncoderRecipe) -> list[str]:
    """All texts a tokenizer may learn from: the training mentions' and the entities'."""
    texts: list[str] = []
    for dataset in datasets:
        texts += [_read(mention, recipe) for mention in dataset.mentions if mention.split in ("train", None)]
        texts += [text for entity in dataset.kb for text in entity_texts(entity, recipe.prompt)]
    return list(dict.fromkeys(texts))


def training_data(
    datasets: Sequence[Dataset],
    recipe: DualEncoderRecipe,
    encoder: Encoder,
    candidates: CandidateLists | None = None,
    *,
    held_out: str = "validation",
    training: bool = True,
) -> TrainingData:
    """Decodes, resizes and tokenizes.

    A mention without a split trains. One whose gold entity is NIL or unknown is left out of training and counts as wrong
    where it is held out; one without a usable image trains on text alone. `remarks` counts both. A held-out mention
    without candidates is scored against its whole knowledge base.

    Raises:
        MissingError: No training mention is left.
    """
    remarks: Counter[str] = Counter()
    entities: dict[tuple[str, str], int] = {}  # two data sets may give one id to different entities
    named: list[Entity] = []
    for dataset in datasets:
        for entity in dataset.kb:
            if entities.setdefault((entity.id, entity.name), len(named)) == len(named):
                named.append(entity)
    images = ImageRows(encoder.resized, remarks)
    train: list[MentionRow] = []
    queries: list[Query] = []
    measured: list[MentionRow] = []
    for place, dataset in enumerate(datasets):
        index = {entity.id: entities[entity.id, entity.name] for entity in dataset.kb}
        for mention in dataset.mentions if training else ():
            if mention.split not in ("train", None):
                continue
            if mention.gold not in index:
                remarks["training mentions without a gold entity in the knowledge base"] += 1
                continue
            queries.append(mention.query(dataset.name, ()))
            train.append((images.row(mention.image), _read(mention, recipe), index[mention.gold], ()))
        wanted = [mention for mention in dataset.mentions if mention.split == held_out]
        listed = _candidates(dataset, wanted, None if candidates is None else candidates[place])
        for mention, among in zip(wanted, listed, strict=True):
            row = (images.row(mention.image), _read(mention, recipe), index.get(mention.gold or "", -1))
            measured.append((*row, tuple(index[candidate] for candidate in dict.fromkeys(among) if candidate in index)))
    if training and not train:
        raise no_training_mention(datasets)
    per_entity = [entity_texts(entity, recipe.prompt) for entity in named]
    bank = encoder.bank([text for texts in per_entity for text in texts] + [row[1] for row in (*train, *measured)])
    if bank.cut:
        remarks[f"texts cut to {encoder.text_length} tokens"] = bank.cut
    stacked = torch.stack(images.images) if images.images else torch.zeros(0, 3, 1, 1, dtype=torch.uint8)
    digest = hashlib.blake2b(json.dumps([per_entity, train, measured]).encode(), digest_size=16)
    digest.update(stacked.numpy().tobytes())
    rows = tuple(tuple(bank.row[text] for text in texts) for texts in per_entity)
    examples = (_examples(train, bank), _examples(measured, bank))
    return TrainingData(stacked, bank, rows, *examples, digest.hexdigest(), remarks, tuple(queries))


def _read(mention: Mention, recipe: DualEncoderRecipe) -> str:
    return query_text(mention.query("", ()), recipe.query_text)


def _candidates(
    dataset: Dataset, mentions: Sequence[Mention], lists: Sequence[tuple[str, ...]] | None
) -> Sequence[tuple[str, ...]]:
    if lists is not None and len(lists) != len(mentions):
        raise UsageError(
            f"{len(lists)} candidate lists for {len(mentions)} held-out mentions of {dataset.name}; give one each."
        )
    if lists is not None:
        return lists
    return [dataset.kb.ids if mention.candidates is None else mention.candidates for mention in mentions]


def _examples(rows: Sequence[MentionRow], bank: TextBank) -> Examples:
    return Examples(
        torch.tensor([row[0] for row in rows], dtype=torch.long),
        bank.rows(row[1] for row in rows),
        torch.tensor([row[2] for row in rows], dtype=torch.long),
        tuple(row[3] for row in rows),
    )
