"""GEMEL's feature mapper as a trainee: a linear layer between a frozen vision encoder and a frozen language model."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from robustmel.datasets.dataset import Dataset
from robustmel.errors import ImageError, MissingError, UsageError
from robustmel.linkers.gemel.beam_search import beam_search
from robustmel.linkers.gemel.checkpoint import Demo, GemelCheckpoint, Settings, blank
from robustmel.linkers.gemel.demos import Choice, Compared, check_choice, demo_pool
from robustmel.linkers.gemel.entity_names import EntityNames
from robustmel.linkers.gemel.language_model import LanguageModel
from robustmel.linkers.gemel.linker import GEMEL
from robustmel.linkers.gemel.prompt_reader import PromptReader
from robustmel.linkers.gemel.prompt_tokens import embedded, left_padded
from robustmel.linkers.gemel.stored_features import StoredFeatures
from robustmel.linkers.gemel.vision import VisionEncoder
from robustmel.training.digests import files_digest
from robustmel.training.feature_mapper_recipe import FeatureMapperRecipe
from robustmel.training.text_augmentation import edited_queries
from robustmel.training.trainee import CandidateLists, epoch_generator, no_training_mention
from robustmel.training.validation import share_of_first
from robustmel.types import Mention, Query

ENCODED, VALIDATED = 64, 32
"""Images encoded, and mentions validated, at a time."""

MEASURED = 100
"""Mentions of a split on which the finished mapper is measured, the first in an order by their ids."""

ROOM = 32
"""Tokens that a validated name may have."""


class FeatureMapperTrainee:
    """See `Trainee`. The frozen models are no part of what is trained; gradients pass through the language model.

    Args:
        datasets: Their training mentions are learnt from and become the pool of demonstrations.
        recipe: The frozen models, demonstrations and batches.
    """

    def __init__(self, datasets: Sequence[Dataset], recipe: FeatureMapperRecipe) -> None:
        check_choice(recipe.demos, recipe.demo_choice, recipe.demo_text)
        self.recipe, self.remarks = recipe, Counter[str]()
        self._vision: Any = StoredFeatures(recipe.features) if recipe.features else VisionEncoder(recipe.vision, device="cpu")
        self._lm = LanguageModel.load(recipe.language_model, dtype=recipe.dtype, device="cpu")
        self._rows: dict[Path, int] = {}
        mentions = [self._answerable(dataset, ("train", None)) for dataset in datasets]
        if not any(mentions):
            raise no_training_mention(datasets)
        held_out = [self._answerable(dataset, ("validation",)) for dataset in datasets]
        names = [[entity.name for entity in dataset.kb] for dataset in datasets]
        self._names = [EntityNames(part, self._lm.tokenizer, ROOM) for part in names]
        demos = [[self._demo(*pair) for pair in pairs] for pairs in mentions]
        self._held_out = [[self._demo(*pair) for pair in pairs] for pairs in held_out]
        self._features = self._encoded()
        self._demos = [demo for part in demos for demo in part]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(recipe.seed)
            self.mapper = nn.Linear(self._vision.width, recipe.visual_prefix_length * self._lm.width)
        settings = Settings(
            recipe.vision,
            recipe.language_model,
            recipe.visual_prefix_length,
            recipe.prompt,
            recipe.demo_encoder,
            recipe.demos,
        )
        pooled = 1 + max((demo.image for demo in self._demos), default=-1)  # the images of validation mentions come after them
        checkpoint = GemelCheckpoint(settings, self.mapper, self._demos, self._features[:pooled])
        choice, compared = cast(Choice, recipe.demo_choice), cast(Compared, recipe.demo_text)
        pool = demo_pool(checkpoint, choice, compared, self._vision, "cpu")
        self._checkpoint = replace(checkpoint, embeddings=pool.known)
        self._reader = PromptReader(self._lm, self._checkpoint, pool, recipe.demos, ROOM)
        self._shown, self._answers, self._learnt = self._prompts()
        self._edited: dict[int, Query] = {}
        read = repr([[asdict(demo) for demo in part] for part in (self._demos, *self._held_out)] + names)
        digest = hashlib.blake2b(read.encode("utf-8", "replace"), digest_size=16)
        digest.update(self._features.numpy().tobytes())
        start = files_digest(recipe.assets())
        self.digests: Mapping[str, str] = {"data": digest.hexdigest(), "start": start}

    @classmethod
    def prepare(
        cls, datasets: Sequence[Dataset], recipe: FeatureMapperRecipe, candidates: CandidateLists | None
    ) -> FeatureMapperTrainee:
        """Encodes every image once; names are validated against the whole knowledge base, so candidates are not read."""
        return cls(datasets, recipe)

    @property
    def model(self) -> nn.Module:
        """The mapper."""
        return self.mapper

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        return -(-len(self._learnt) // self.recipe.batch_size)

    def batches(self, epoch: int) -> Iterator[list[int]]:
        """Places of training mentions, shuffled anew in every epoch."""
        generator = epoch_generator(self.recipe.seed, epoch)
        self._edited = self._edited_queries(epoch)
        order = torch.tensor(self._learnt)[torch.randperm(len(self._learnt), generator=generator)]
        return (part.tolist() for part in torch.split(order, self.recipe.batch_size))

    def loss(self, batch: list[int], epoch: int, step: int) -> Iterator[Tensor]:
        """Cross-entropy of the name and the end token, a part of the batch at a time; the parts add up to the mean.

        Raises:
            UsageError: It is no number, as the language model's own numbers outgrow float16.
        """
        tokens = sum(len(self._answers[place]) for place in batch)
        size = -(-len(batch) // self.recipe.accumulation)
        for start in range(0, len(batch), size):
            part = self._negative_log_likelihood(batch[start : start + size]) / tokens
            if self.recipe.dtype == "float16" and not part.isfinite() and self.mapper.weight.isfinite().all():
                raise UsageError(
                    f"the loss is {part.item()} in epoch {epoch}: numbers of {self.recipe.language_model} outgrow float16; train with "
                    'dtype = "bfloat16" or "float32", into another folder.'
                )
            yield part

    def validate(self) -> dict[str, float]:
        """Share of the validation mentions whose name is written, word for word, by a greedy search over all names."""
        right = total = 0
        for names, held_out in zip(self._names, self._held_out, strict=True):
            fitting = [demo for demo in held_out if self._reader.fits(_query(demo))]
            total += len(held_out)
            for start in range(0, len(fitting), VALIDATED):
                part = fitting[start : start + VALIDATED]
                queries, features = [_query(demo) for demo in part], self._images_of(part)
                with torch.no_grad():
                    prompts = self._reader.read(queries, features)
                    written = beam_search(self._lm, prompts, names.trie, beams=1, max_new_tokens=ROOM)
                for demo, result in zip(part, written, strict=True):
                    right += any(demo.name in names.of_state(hypothesis.state) for hypothesis in result.hypotheses)
        self._reader.forget()
        return {"IT2T": right / total} if total else {}

    def merit(self, validation: Mapping[str, float]) -> float:
        """IT2T."""
        return validation["IT2T"]

    def publish(self, folder: Path) -> None:
        """The folder that the linker GEMEL reads."""
        self._checkpoint.write(folder)

    def measure(
        self, folder: Path, dataset: Dataset, split: str, candidates: Sequence[tuple[str, ...]] | None
    ) -> dict[str, float]:
        """Share of at most `MEASURED` mentions of a split whose entity has the first rank, over all names; ties count in part."""
        mentions = _in_order([mention for mention in dataset.mentions if mention.split == split], 0)[:MEASURED]
        if not mentions:
            return {}
        recipe = self.recipe
        linker = GEMEL(
            dataset.kb,
            model=str(folder),
            features=recipe.features or None,
            demo_choice=cast(Choice, recipe.demo_choice),
            demo_text=cast(Compared, recipe.demo_text),
            device="cpu",
        )
        queries = [mention.query(dataset.name, None) for mention in mentions]
        return {task: share_of_first(mentions, linker.link(queries, task)) for task in linker.tasks}

    # How it is done ---------------------------------------------------------------------------------------------------

    def _prompts(self) -> tuple[list[list[int]], list[tuple[int, ...]], list[int]]:
        """For each training mention its demonstrations and its answer; and the mentions that can be learnt from."""
        queries = [_query(demo) for demo in self._demos]
        chosen = self._reader.choose(queries)
        names = EntityNames([demo.name for demo in self._demos], self._lm.tokenizer, ROOM).tokens
        fits = [self._reader.fits(query) for query in queries]
        learnt = [place for place, (fit, name) in enumerate(zip(fits, names, strict=True)) if fit and name]
        for remark, count in (
            ("questions longer than the language model's context", len(fits) - sum(fits)),
            ("names that the language model cannot write", names.count(())),
            ("prompts with demonstrations left out", sum(len(chosen[place][1]) < len(chosen[place][0]) for place in learnt)),
        ):
            if count:
                self.remarks[remark] += count
        if not learnt:
            raise MissingError("no training mention fits the language model: its question or its name is too long.")
        return [fitting for _, fitting in chosen], [(*name, self._lm.end) for name in names], learnt

    def _edited_queries(self, epoch: int) -> dict[int, Query]:
        """Place -> the question about a training mention whose text is edited in this epoch, where the context has room for it."""
        how = self.recipe.text_augmentation
        edited = edited_queries([_query(demo) for demo in self._demos], how, self.recipe.seed, epoch) if how.share else {}
        return {place: query for place, query in edited.items() if self._reader.fits(query)}

    def _negative_log_likelihood(self, places: Sequence[int]) -> Tensor:
        """The sum over the answers' tokens: everything before the last token is read at once, and nothing is generated."""
        writer = self._reader.tokens
        sequences, images = [], []
        for place in places:
            shown = [self._demos[other] for other in self._shown[place]]
            target = self._demos[place]
            before = [token for demo in shown for token in writer.demo(demo)]
            query = self._edited.get(place) or _query(target)
            question = writer.question(query.text, query.surface)
            sequences.append([*writer.start, *before, *question, *self._answers[place][:-1]])
            images += [*shown, target]
        ids, mask = left_padded(sequences)
        embeds = embedded(self._lm.embed, ids, self._reader.visual(self._images_of(images)))
        longest = max(len(self._answers[place]) for place in places)
        logits = self._lm.logits(embeds, mask, last=longest)
        targets = torch.tensor([[-100] * (longest - len(self._answers[place])) + [*self._answers[place]] for place in places])
        return nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten().to(logits.device), reduction="sum")

    def _answerable(self, dataset: Dataset, splits: tuple[str | None, ...]) -> list[tuple[Mention, Dataset]]:
        mentions = [mention for mention in dataset.mentions if mention.split in splits]
        answerable = [mention for mention in mentions if mention.gold in dataset.kb]
        if len(answerable) < len(mentions):
            self.remarks["mentions without a gold entity in the knowledge base"] += len(mentions) - len(answerable)
        if self.recipe.limit and "train" in splits:
            answerable = _in_order(answerable, self.recipe.seed)[: self.recipe.limit]
        return [(mention, dataset) for mention in answerable]

    def _demo(self, mention: Mention, dataset: Dataset) -> Demo:
        name = dataset.kb[mention.gold or ""].name
        row = -1
        if mention.image is None:
            self.remarks["mentions without an image"] += 1
        else:
            row = self._rows.setdefault(mention.image, len(self._rows))
        return Demo(mention.surface, mention.text, name, row, mention.query(dataset.name, None).id)

    def _encoded(self) -> Tensor:
        """Features of every image, (M, width), rounded to the half precision in which the pool keeps them; broken ones are blank."""
        rows = [blank(self._vision.width)] * len(self._rows)
        sound = []
        for path, row in self._rows.items():
            try:
                sound.append((row, self._vision.read(path)))
            except ImageError as problem:
                self.remarks[f"images left out ({problem.kind})"] += 1
            if len(sound) == ENCODED:
                self._encode(sound, rows)
        if sound:
            self._encode(sound, rows)
        return torch.cat(rows) if rows else blank(self._vision.width)[:0]

    def _encode(self, sound: list[tuple[int, Any]], rows: list[Tensor]) -> None:
        features = self._vision.picture_features([picture for _, picture in sound]).half().float()
        for (row, _), feature in zip(sound, features, strict=True):
            rows[row] = feature[None].clone()
        sound.clear()

    def _images_of(self, demos: Sequence[Demo]) -> Tensor:
        return torch.cat([self._features, blank(self._vision.width)])[[demo.image for demo in demos]]


def _in_order(mentions: list[Mention], seed: int) -> list[Mention]:
    """An order that depends on the seed and the ids alone."""
    return sorted(mentions, key=lambda mention: hashlib.blake2b(f"{seed}\x00{mention.id}".encode()).digest())


def _query(demo: Demo) -> Query:
    return Query(demo.id, demo.text, demo.mention, None, None, None)
