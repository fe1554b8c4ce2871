"""A small causal language model as a trainee: made anew, it learns to answer GEMEL's questions with names."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers.gemel.prompt import Prompt
from robustmel.linkers.loading import quiet
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.training.digests import text_digest, tokenizer_digest
from robustmel.training.fresh_language_model import FreshLanguageModel
from robustmel.training.language_documents import (
    IGNORED,
    Documents,
    Example,
    Row,
    document,
    facts,
    hint,
    plan,
    stack,
    surface_order,
    texts_of,
)
from robustmel.training.language_model_recipe import LanguageModelRecipe
from robustmel.training.texts import learn_tokenizer
from robustmel.training.trainee import epoch_generator

ANSWERS, HINTED = "answers", "answers with a hint"
"""Share of names that are written exactly after a few demonstrations: from the text alone, and with a hint before each question."""

MEASURED = 200
"""Validation mentions that are asked after each epoch, evenly spread."""

FEW = 4
"""Random training mentions before each of them; it is asked once more after all the demonstrations of the recipe."""

CHUNK = 20


class LanguageModelTrainee(FreshLanguageModel):
    """See `Trainee`.

    Args:
        datasets: Their training mentions and entities are learnt from, their validation mentions asked.
        recipe: Shape, documents and optimisation.
    """

    recipe: LanguageModelRecipe

    def __init__(self, datasets: Sequence[Dataset], recipe: LanguageModelRecipe) -> None:
        from transformers import OPTConfig, OPTForCausalLM

        self.recipe, self.prompt = recipe, read_prompt(Prompt, "gemel", recipe.prompt)
        self.remarks: Counter[str] = Counter()
        entities = {entity.id: entity for dataset in datasets for entity in dataset.kb.entities}
        read = [mention for dataset in datasets for mention in dataset.mentions if mention.split == "train"]
        texts = texts_of(entities.values())
        names = [entity.name for entity in entities.values()]
        questions = [self.prompt.ask(mention.text, mention.surface) for mention in read]
        self.tokenizer = learn_tokenizer(
            [*texts, *names, *questions], recipe.vocabulary, recipe.context, masked=True, generative=True
        )
        self.train = self.examples(datasets, "train", self.remarks)
        if not self.train:
            raise UsageError(
                "the data sets have no training mentions with a known entity; a language model has nothing to learn."
            )
        asked = self.examples(datasets, "validation")
        self.asked = [asked[round(place)] for place in torch.linspace(0, len(asked) - 1, min(MEASURED, len(asked))).tolist()]
        self.texts = [self._text(text) for text in texts]
        data = json.dumps([[vars(example) for example in (*self.train, *self.asked)], self.texts])
        self.digests = {
            "data": text_digest(data),
            "tokenizer": tokenizer_digest(self.tokenizer),
        }
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.model: Any = OPTForCausalLM(
                OPTConfig(
                    vocab_size=len(self.tokenizer),
                    hidden_size=recipe.width,
                    word_embed_proj_dim=recipe.width,
                    ffn_dim=4 * recipe.width,
                    num_hidden_layers=recipe.depth,
                    num_attention_heads=recipe.heads,
                    max_position_embeddings=recipe.context,
                    dropout=0.0,
                    attention_dropout=0.0,
                    bos_token_id=self.tokenizer.bos_token_id,
                    eos_token_id=self.tokenizer.eos_token_id,
                    pad_token_id=self.tokenizer.pad_token_id,
                )
            )

    def examples(self, datasets: Sequence[Dataset], split: str, remarks: Counter[str] | None = None) -> list[Example]:
        """The mentions of a split whose entity is known, as tokens; the others are counted in the remarks."""
        examples = []
        for dataset in datasets:
            encoded = {
                entity.id: (self._encode(entity.name), [self._encode(fact) for fact in facts(entity)])
                for entity in dataset.kb.entities
            }
            for mention in (mention for mention in dataset.mentions if mention.split == split):
                if mention.gold in encoded:
                    question = self._encode(self.prompt.ask(mention.text, mention.surface))
                    examples.append(Example(question, *encoded[mention.gold], surface_order(mention.surface)))
                elif remarks is not None:
                    remarks["training mentions without a known entity"] += 1
        return examples

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        size = self.recipe.batch_size
        return math.ceil(len(self.train) / size) + math.ceil(len(self.texts) / size)

    def batches(self, epoch: int) -> Iterator[Documents]:
        """Questions in documents that are packed anew in every epoch, and texts of entities; their batches in random order."""
        recipe = self.recipe
        generator = epoch_generator(recipe.seed, epoch)
        planned = list(plan(self.train, recipe.demos, recipe.similar, recipe.batch_size, generator))
        order = torch.randperm(len(self.texts), generator=generator)
        texts = [rows.tolist() for rows in torch.split(order, recipe.batch_size)] if self.texts else []
        for place in torch.randperm(len(planned) + len(texts), generator=generator).tolist():
            if place >= len(planned):
                yield self._stacked([self.texts[row] for row in texts[place - len(planned)]])
            else:
                yield self._stacked([self._hinted([self.train[row] for row in rows], generator) for rows in planned[place]])

    def loss(self, batch: Documents, epoch: int, step: int) -> Tensor:
        """Weighted mean cross-entropy of the next token."""
        logits = self.model(input_ids=batch.tokens.to(self.model.device), use_cache=False).logits
        wanted = (batch.labels != IGNORED).flatten()
        labels, answer = batch.labels.flatten()[wanted].to(logits.device), batch.answer.flatten()[wanted].to(logits.device)
        losses = functional.cross_entropy(logits.flatten(0, 1)[wanted.to(logits.device)], labels, reduction="none")
        weights = torch.where(answer, self.recipe.answer_weight, 1.0)
        return (losses * weights).sum() / weights.sum()

    def validate(self) -> dict[str, float]:
        """Share of names written exactly, without and with hints, after few and after all demonstrations."""
        return self.accuracies(self.model, self.asked)

    def measure(
        self, folder: Path, dataset: Dataset, split: str, candidates: Sequence[tuple[str, ...]] | None
    ) -> dict[str, float]:
        """The same shares of the weights as stored, on all mentions of a split."""
        from transformers import AutoModelForCausalLM

        asked = self.examples([dataset], split)
        if not asked:
            return {}
        with quiet():
            stored = AutoModelForCausalLM.from_pretrained(folder)
        return self.accuracies(stored, asked)

    @torch.inference_mode()
    def accuracies(self, model: Any, asked: Sequence[Example]) -> dict[str, float]:
        """Share of the mentions whose name and end token are what the model holds most likely, token by token; {} for none.

        Before each stand random training mentions with their answers: a few, and as many as the recipe's documents hold.
        """
        was_training = model.training
        model.eval()
        shares = {}
        few, most = min(FEW, self.recipe.demos), self.recipe.demos
        asks = [(ANSWERS, few, 0.0), (HINTED, few, 1.0)]
        if most > few:
            asks += [(f"{ANSWERS}, {most} demos", most, 0.0), (f"{HINTED}, {most} demos", most, 1.0)]
        for name, demos, share in asks if asked else ():
            generator = torch.Generator().manual_seed(self.recipe.seed)
            right = 0
            for first in range(0, len(asked), CHUNK):
                rows = []
                for example in asked[first : first + CHUNK]:
                    drawn = torch.randint(len(self.train), (demos,), generator=generator)
                    rows.append(self._hinted([*(self.train[row] for row in drawn.tolist()), example], generator, share))
                batch = self._stacked(rows)
                guess = model(input_ids=batch.tokens.to(model.device), use_cache=False).logits.argmax(-1).cpu()
                right += int(((guess == batch.labels) | ~batch.last).all(1).sum())
            shares[name] = right / len(asked)
        model.train(was_training)
        return shares

    def _hinted(self, examples: Sequence[Example], generator: torch.Generator, share: float | None = None) -> Row:
        """A document; the share of its questions with a hint is none, half or all of them where it is not given."""
        share = int(torch.randint(3, (1,), generator=generator)) / 2 if share is None else share
        given = (torch.rand(len(examples), generator=generator) < share).tolist()
        hints = [
            hint(example.facts, self.recipe.hint_tokens, generator) if wanted else []
            for example, wanted in zip(examples, given, strict=True)
        ]
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        return document(examples, hints, self._encode(self.prompt.separator), start, end, self.recipe.context)

    def _text(self, text: str) -> Row:
        tokens = self._encode(text)[: self.recipe.context - 1]
        labels = [*tokens, self.tokenizer.eos_token_id]
        return [self.tokenizer.bos_token_id, *tokens], labels, [False] * len(labels), len(labels)

    def _stacked(self, rows: Sequence[Row]) -> Documents:
        return stack(rows, self.tokenizer.pad_token_id)

    def _encode(self, text: str) -> list[int]:
        tokens: list[int] = self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return tokens
