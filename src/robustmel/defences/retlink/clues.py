"""A linker that writes names is told what the image shows: it has no list of candidates to describe."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from robustmel.defences.changed_questions import ChangedQuestions, followed
from robustmel.defences.retlink.descriptors import Descriptors, Tagger
from robustmel.types import Prediction, Query, Task


class CluedLinker(ChangedQuestions):
    """Answers as the linker does that reads "Visual clues: ..." behind the mention's text; the names it may write stay the same.

    Args:
        linker: One that writes.
        tagger: Describes the image that is linked.
    """

    def __init__(self, linker: Any, tagger: Tagger) -> None:
        super().__init__(linker)
        self._tagger = tagger

    def asked(self, queries: Sequence[Query], task: Task, pixels: Tensor | None = None) -> list[Query]:
        """The queries with their clues, those for the pixels where they are given."""
        return self._with(self._seen(queries, task, pixels), queries)

    def link(self, queries: Sequence[Query], task: Task) -> list[Prediction]:
        """One prediction a query, in order; an image without clues is told by the status."""
        seen = self._seen(queries, task)
        return [
            _told(answer, words) for answer, words in zip(self.linker.link(self._with(seen, queries), task), seen, strict=True)
        ]

    def _seen(self, queries: Sequence[Query], task: Task, pixels: Tensor | None = None) -> list[Descriptors]:
        if task == "T2T":
            return [Descriptors()] * len(queries)
        return self._tagger.of_images(queries) if pixels is None else self._tagger.of_pixels(pixels.detach(), queries)

    def _with(self, seen: Sequence[Descriptors], queries: Sequence[Query]) -> list[Query]:
        return [
            followed(query, f"Visual clues: {', '.join(words.words)}.") if words.words else query
            for query, words in zip(queries, seen, strict=True)
        ]


def _told(answer: Prediction, seen: Descriptors) -> Prediction:
    changed = answer.status == "ok" and seen.status != "ok" and not answer.error
    status = f"fallback:descriptors_{seen.status}" if changed else answer.status
    return replace(answer, usage=answer.usage + seen.usage, status=status)
