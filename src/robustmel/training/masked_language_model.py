"""A small masked language model as a trainee: it tells masked words, and the mean of its outputs stands for a sentence."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers.loading import quiet
from robustmel.training.digests import text_digest, tokenizer_digest
from robustmel.training.fresh_language_model import FreshLanguageModel
from robustmel.training.language_documents import IGNORED, texts_of
from robustmel.training.language_model_recipe import MaskedLanguageModelRecipe
from robustmel.training.texts import learn_tokenizer
from robustmel.training.trainee import epoch_generator

TOLD, RETRIEVED = "masked tokens", "same entity nearer"
"""Share of masked tokens that are told exactly; and how often, of all comparisons of two sentences on one entity with two on
different entities, the first two are more alike (the area under the ROC curve)."""

BLOCK = 8
"""Batches of sentences that are sorted by length, so that little is padded."""


class Masked(NamedTuple):
    """B sentences of at most T tokens, some of them masked.

    Args:
        tokens: int64 (B, T), padded on the right.
        attention: int64 (B, T): 1 where there is a token.
        labels: int64 (B, T): the token under each mask, `IGNORED` elsewhere.
    """

    tokens: Tensor
    attention: Tensor
    labels: Tensor


class Pairs(NamedTuple):
    """B sentences, for each another one on the same entity (or the same one, masked elsewhere), and who else shares an entity.

    Args:
        sentences: B of them.
        others: The other one of each.
        same: bool (B, B): two different sentences of the batch are on one entity, so that neither is a wrong answer for the other.
    """

    sentences: Masked
    others: Masked
    same: Tensor


class MaskedLanguageModelTrainee(FreshLanguageModel):
    """See `Trainee`.

    Args:
        datasets: Their training sentences and entities are read, their validation sentences asked about.
        recipe: Shape, masking and optimisation.
    """

    recipe: MaskedLanguageModelRecipe

    def __init__(self, datasets: Sequence[Dataset], recipe: MaskedLanguageModelRecipe) -> None:
        from transformers import RobertaConfig, RobertaForMaskedLM

        self.recipe = recipe
        self.remarks: Counter[str] = Counter()
        entities = {entity.id: entity for dataset in datasets for entity in dataset.kb.entities}
        entity_of = {
            mention.text: str(mention.gold)
            for dataset in datasets
            for mention in dataset.mentions
            if mention.split == "train" and mention.text.strip()
        }
        entity_of |= {text: entity.id for entity in entities.values() for text in texts_of([entity])}
        if not entity_of:
            raise UsageError("the data sets have no training sentences; a masked language model has nothing to learn.")
        texts = list(entity_of)
        self.tokenizer = learn_tokenizer(texts, recipe.vocabulary, recipe.context, masked=True, fills_in=True)
        self.train = self._encoded(texts)
        self.entities = list(entity_of.values())
        self.told_of: dict[str, list[int]] = {}
        for row, entity in enumerate(self.entities):
            self.told_of.setdefault(entity, []).append(row)
        self.remarks["training texts longer than the context"] = sum(map(self._long, texts))
        self.remarks = +self.remarks
        self.asked = [self._asked(dataset, "validation") for dataset in datasets]
        self.digests = {
            "data": text_digest(json.dumps([self.train, self.asked])),
            "tokenizer": tokenizer_digest(self.tokenizer),
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.model: Any = RobertaForMaskedLM(
                RobertaConfig(
                    vocab_size=len(self.tokenizer),
                    hidden_size=recipe.width,
                    intermediate_size=4 * recipe.width,
                    num_hidden_layers=recipe.depth,
                    num_attention_heads=recipe.heads,
                    # RoBERTa counts places from the padding's id on
                    max_position_embeddings=recipe.context + self.tokenizer.pad_token_id + 1,
                    type_vocab_size=1,
                    hidden_dropout_prob=0.0,
                    attention_probs_dropout_prob=0.0,
                    bos_token_id=self.tokenizer.bos_token_id,
                    eos_token_id=self.tokenizer.eos_token_id,
                    pad_token_id=self.tokenizer.pad_token_id,
                )
            )

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return math.ceil(len(self.train) / self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[Pairs]:
        """Sentences of similar length, each with another one on its entity; the batches in random order."""
        generator = epoch_generator(self.recipe.seed, epoch)
        size = self.recipe.batch_size
        batches: list[list[int]] = []
        for block in torch.split(torch.randperm(len(self.train), generator=generator), BLOCK * size):
            rows = sorted(block.tolist(), key=lambda row: len(self.train[row]))
            batches += [rows[first : first + size] for first in range(0, len(rows), size)]
        for place in torch.randperm(len(batches), generator=generator).tolist():
            rows = batches[place]
            others = []
            for row in rows:
                listed = self.told_of[self.entities[row]]
                others.append(listed[int(torch.randint(len(listed), (1,), generator=generator))])
            same = torch.tensor([[self.entities[row] == self.entities[other] for other in rows] for row in rows])
            yield Pairs(
                self.masked([self.train[row] for row in rows], generator),
                self.masked([self.train[row] for row in others], generator),
                same & ~torch.eye(len(rows), dtype=torch.bool),
            )

    def loss(self, batch: Pairs, epoch: int, step: int) -> Tensor:
        """Cross-entropy of the masked tokens, and the weighted contrast of the pairs."""
        told, means = zip(*(self._read(self.model, view) for view in batch[:2]), strict=True)
        labels = torch.cat([view.labels[view.labels != IGNORED] for view in batch[:2]]).to(means[0].device)
        loss = functional.cross_entropy(torch.cat(told), labels)
        alike = (means[0] @ means[1].T / self.recipe.temperature).masked_fill(batch.same.to(labels.device), -torch.inf)
        places = torch.arange(len(alike), device=alike.device)
        return (
            loss
            + self.recipe.contrast * (functional.cross_entropy(alike, places) + functional.cross_entropy(alike.T, places)) / 2
        )

    def validate(self) -> dict[str, float]:
        """See `TOLD` and `RETRIEVED`; means over the data sets."""
        measured = [shares for asked in self.asked if (shares := self.accuracies(self.model, asked))]
        return {name: sum(shares[name] for shares in measured) / len(measured) for name in measured[0]} if measured else {}

    def measure(
        self, folder: Path, dataset: Dataset, split: str, candidates: Sequence[tuple[str, ...]] | None
    ) -> dict[str, float]:
        """The same shares of the weights as stored, on all mentions of a split."""
        from transformers import AutoModelForMaskedLM

        with quiet():
            stored = AutoModelForMaskedLM.from_pretrained(folder)
        return self.accuracies(stored, self._asked(dataset, split))

    @torch.inference_mode()
    def accuracies(self, model: Any, asked: Sequence[tuple[list[int], str]]) -> dict[str, float]:
        """See `TOLD` and `RETRIEVED`, of sentences with their entities; {} for none."""
        if not asked:
            return {}
        was_training = model.training
        model.eval()
        generator = torch.Generator().manual_seed(self.recipe.seed)
        right, means = [], []
        for first in range(0, len(asked), self.recipe.batch_size):
            sentences = [tokens for tokens, _ in asked[first : first + self.recipe.batch_size]]
            view = self.masked(sentences, generator)
            told, _ = self._read(model, view)
            right.append(told.argmax(-1).cpu() == view.labels[view.labels != IGNORED])
            means.append(self._read(model, self.masked(sentences, generator, share=0.0))[1].cpu())
        model.train(was_training)
        shares = {TOLD: float(torch.cat(right).float().mean())}
        alike = torch.cat(means) @ torch.cat(means).T
        above = torch.ones_like(alike).triu(1).bool()
        entities = [entity for _, entity in asked]
        same = torch.tensor([[entity == other for other in entities] for entity in entities])
        within, across = alike[same & above], alike[~same & above]
        if len(within) and len(across):
            shares[RETRIEVED] = float((within[:, None] > across).float().mean())
        return shares

    def masked(self, sentences: Sequence[list[int]], generator: torch.Generator, share: float | None = None) -> Masked:
        """Sentences as a batch, a share of the tokens of each masked, at least one: the recipe's where none is given; 0 masks none."""
        share = self.recipe.masked if share is None else share
        longest = max(map(len, sentences))
        pad = self.tokenizer.pad_token_id
        tokens = torch.tensor([[*sentence, *[pad] * (longest - len(sentence))] for sentence in sentences])
        lengths = torch.tensor([len(sentence) for sentence in sentences])[:, None]
        place = torch.arange(longest)
        drawn = torch.rand(tokens.shape, generator=generator).where((place > 0) & (place < lengths - 1), torch.inf)
        count = ((lengths - 2) * share).round().clamp(min=int(share > 0))
        masked = (drawn.argsort(1).argsort(1) < count) & drawn.isfinite()
        labels = tokens.where(masked, torch.tensor(IGNORED))
        return Masked(tokens.where(~masked, torch.tensor(self.tokenizer.mask_token_id)), (place < lengths).long(), labels)

    def _read(self, model: Any, view: Masked) -> tuple[Tensor, Tensor]:
        """Logits of the masked tokens, (M, V), and the unit vector that stands for each sentence, (B, width)."""
        attention = view.attention.to(model.device)
        outputs = model.roberta(input_ids=view.tokens.to(model.device), attention_mask=attention).last_hidden_state
        means = (outputs * attention[:, :, None]).sum(1) / attention.sum(1, keepdim=True)
        return model.lm_head(outputs[(view.labels != IGNORED).to(model.device)]), functional.normalize(means, dim=-1)

    def _asked(self, dataset: Dataset, split: str) -> list[tuple[list[int], str]]:
        """The sentences of a split and the entity of each."""
        mentions = [mention for mention in dataset.mentions if mention.split == split and mention.text.strip()]
        sentences = self._encoded([mention.text for mention in mentions])
        return [(tokens, str(mention.gold)) for tokens, mention in zip(sentences, mentions, strict=True)]

    def _encoded(self, texts: Sequence[str]) -> list[list[int]]:
        tokens: list[list[int]] = self.tokenizer(list(texts), truncation=True)["input_ids"] if texts else []
        return tokens

    def _long(self, text: str) -> bool:
        return len(self.tokenizer(text, verbose=False)["input_ids"]) > self.recipe.context
