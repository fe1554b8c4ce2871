"""The words around a mention speak for the candidates that such words usually surround."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor

from robustmel.defences.context_labels import contexts, label_assets
from robustmel.defences.context_profiles import Context, ContextProfiles
from robustmel.defences.defended_linker import DefendedLinker
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Mention, Prediction, Query, Task


class ContextMapping:
    """Adds to each candidate's score how well the sentence fits the contexts of its training mentions (Maley & Jadhav, 2024).

    The profiles are made of the data set's own training mentions, which no poison of the grid has touched: of data that one trusts.
    An entity with fewer than `fewest` of them gets nothing added, and I2T stays as it is.

    Args:
        kb: Not used.
        weight: Of the fit, in units of the linker's logits a nat; 0 changes nothing.
        prior: Words that the prior of a profile is worth.
        fewest: Training mentions of an entity below which nothing is said.
        labels: A sentence encoder: contexts are then types, topics and sentiments in place of words (`context_labels`).

    Raises:
        UsageError: A value is out of its range.

    Source:
        Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024, whose context mapping it is as a feature; the paper
        names the idea alone, the profiles are of Zhai & Lafferty, 2004.
    """

    version: ClassVar[int] = 1
    random: ClassVar[bool] = False
    uses: ClassVar[tuple[str, ...]] = ("train",)

    def __init__(
        self, kb: KnowledgeBase, /, weight: float = 1.0, prior: float = 50.0, fewest: int = 4, labels: str = ""
    ) -> None:
        if weight < 0 or prior <= 0 or fewest < 1:
            raise UsageError(
                f"defence context-mapping: weight = {weight}, prior = {prior}, fewest = {fewest}; expected 0 or more, above 0, at least 1."
            )
        self._weight, self._prior, self._fewest, self._labels = weight, prior, fewest, labels

    @classmethod
    def assets(cls, labels: str = "", **others: Any) -> tuple[Path, ...]:
        """The files that decide the labels."""
        return label_assets(labels)

    @classmethod
    def capabilities(cls, linker: Capabilities, /, **parameters: Any) -> Capabilities:
        """All of a linker's that scores candidates and reads texts; nothing of any other's."""
        able = linker.scores and {"T2T", "IT2T"} & set(linker.tasks)
        return linker if able else Capabilities(tasks=())

    def defend(self, linker: Any, /, *, train: Sequence[Mention], **resources: Any) -> Any:
        """The linker with the profiles."""
        read = partial(contexts, encoder=self._labels)
        profiles = ContextProfiles.of(train, self._prior, read)
        return MappedLinker(linker, profiles, self._weight, self._fewest, read)


class MappedLinker(DefendedLinker):
    """A linker whose scores know what is usually written around each candidate.

    Args:
        linker: The one behind.
        profiles: Of the entities.
        weight: In units of its logits.
        fewest: Records of an entity below which nothing is added.
        read: What tells the contexts of queries.
    """

    def __init__(
        self,
        linker: Any,
        profiles: ContextProfiles,
        weight: float,
        fewest: int,
        read: Callable[[Sequence[Query]], list[Context]],
    ) -> None:
        super().__init__(linker)
        self._profiles, self._weight, self._fewest = profiles, weight / self.logit_scale, fewest
        self._read = read

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """The linker's answers, their candidates in the new order."""
        answers: list[Prediction] = self.linker.link(queries, task)
        if task == "I2T":
            return answers
        return [self._ranked_anew(*asked) for asked in zip(self._read(queries), answers, strict=True)]

    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C): the linker's with the fit."""
        return self._with_fit(self.linker.scores(queries, task), queries, task)

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels."""
        return self._with_fit(self.linker.logits(pixels, queries, task), queries, task)

    def _with_fit(self, table: Tensor, queries: Sequence[Query], task: Task) -> Tensor:
        if task == "I2T":
            return table
        fits = torch.zeros_like(table)
        for row, (query, own) in enumerate(zip(queries, self._read(queries), strict=True)):
            fit = self._fit(own, self.kb.ids if query.candidates is None else query.candidates)
            fits[row, : len(fit)] = torch.tensor(fit, dtype=table.dtype)
        return table + fits

    def _ranked_anew(self, own: Context, answer: Prediction) -> Prediction:
        ids = tuple(answer.ranked[:])
        scores = {name: score + fit for name, score, fit in zip(ids, answer.scores, self._fit(own, ids), strict=True)}
        ranked = sorted(ids, key=scores.__getitem__, reverse=True)
        return replace(answer, ranked=tuple(ranked), scores=tuple(scores[name] for name in ranked))

    def _fit(self, own: Context, candidates: Sequence[str]) -> list[float]:
        """For each candidate how much likelier the words are around it than around any mention, in the linker's units a word."""
        if not own:
            return [0.0] * len(candidates)
        usual = self._profiles.usual_surprise(own)
        return [
            self._weight * (usual - self._profiles.surprise(own, name)) if self._profiles.records[name] >= self._fewest else 0.0
            for name in candidates
        ]
