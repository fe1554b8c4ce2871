"""A linker that reads a sentence for each candidate."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from robustmel.defences.defended_linker import DefendedLinker
from robustmel.defences.retlink.candidate_sentences import CandidateSentences, DescribedQuery
from robustmel.defences.retlink.descriptors import Descriptors, Tagger
from robustmel.linkers.ranking import ranking
from robustmel.types import Prediction, Query, Task

HELD = 4096
"""Queries whose sentences are remembered; an attack comes back to few."""


class DescribedLinker(DefendedLinker):
    """Answers as the linker does that is given the sentences; scores and gradients are those of the sentences really used.

    Args:
        linker: It reads `Query.labels`.
        sentences: Writes them.
        tagger: Describes the image that is linked; None leaves the choice of evidence to the text.
        ensemble: Score each candidate by the mean over its sentence and the linker's own text of it.
    """

    def __init__(self, linker: Any, sentences: CandidateSentences, tagger: Tagger | None, ensemble: bool) -> None:
        super().__init__(linker)
        self._sentences, self._tagger, self._ensemble = sentences, tagger, ensemble
        self._remembered: dict[tuple[int, bool, Descriptors], tuple[Query, DescribedQuery]] = {}

    def cut_texts(self, queries: Sequence[Query], task: Task) -> int:
        """How many distinct texts were cut on purpose, and how many the linker cuts all the same."""
        described = self.described(queries, task)
        cut_on_purpose = len(frozenset[str]().union(*(part.cut for part in described)))
        return cut_on_purpose + super().cut_texts([part.query for part in described], task)

    def described(self, queries: Sequence[Query], task: Task, pixels: Tensor | None = None) -> list[DescribedQuery]:
        """The queries with their sentences, and how these came about, in order.

        Args:
            queries: With candidates.
            task: What the linker reads.
            pixels: Floats (B, 3, H, W) in [0, 1], described in place of the queries' images.
        """
        if self._tagger is None or task == "T2T":
            seen = [Descriptors()] * len(queries)
        else:
            seen = self._tagger.of_images(queries) if pixels is None else self._tagger.of_pixels(pixels.detach(), queries)
        return [self._of(query, task, words) for query, words in zip(queries, seen, strict=True)]

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; its status says what did not come off ("fallback:none+template")."""
        described = self.described(queries, task)
        answers = self.linker.link([part.query for part in described], task)
        if self._ensemble:
            plain = self.linker.link(queries, task)
            answers = [_mean(query, *pair) for query, *pair in zip(queries, answers, plain, strict=True)]
        looks = self._tagger is not None and task != "T2T"
        return [_told(answer, part, looks) for answer, part in zip(answers, described, strict=True)]

    @torch.no_grad()
    def scores(self, queries: Sequence[Query], task: Task) -> Tensor:
        """float32 (B, C), as `link` ranks by them."""
        own: Tensor = self.linker.scores([part.query for part in self.described(queries, task)], task)
        return (own + self.linker.scores(queries, task)) / 2 if self._ensemble else own

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "I2T") -> Tensor:
        """float32 (B, C), differentiable down to the raw pixels: the sentences are those for these pixels, and held constant."""
        described = self.described(queries, task, pixels)
        own: Tensor = self.linker.logits(pixels, [part.query for part in described], task)
        return (own + self.linker.logits(pixels, queries, task)) / 2 if self._ensemble else own

    def _of(self, query: Query, task: Task, descriptors: Descriptors) -> DescribedQuery:
        key = id(query), task == "I2T", descriptors
        if key not in self._remembered:
            if len(self._remembered) >= HELD:
                self._remembered.clear()
            self._remembered[key] = query, self._sentences.of(query, task, descriptors)  # held, so that its id stays its own
        return self._remembered[key][1]


def _told(answer: Prediction, described: DescribedQuery, looks: bool) -> Prediction:
    changed = answer.status == "ok" and described.fallbacks and not answer.error
    return replace(
        answer,
        usage=answer.usage + described.usage,
        status=f"fallback:{'+'.join(described.fallbacks)}" if changed else answer.status,
        sentences=described.digests,
        descriptors=described.descriptors if looks else None,
    )


def _mean(query: Query, first: Prediction, second: Prediction) -> Prediction:
    """Two answers about one query as one, by the mean score of each candidate; an error of the first is that of both."""
    if first.error or second.error or not first.ranked:
        return first if first.error else second
    scores = [dict(zip(answer.ranked, answer.scores, strict=True)) for answer in (first, second)]
    mean = torch.tensor([(scores[0][candidate] + scores[1][candidate]) / 2 for candidate in query.listed], dtype=torch.float64)
    return replace(ranking(query, mean), seconds=first.seconds + second.seconds, usage=first.usage + second.usage)
