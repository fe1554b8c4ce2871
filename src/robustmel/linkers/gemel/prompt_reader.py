"""Reads prompts: demonstrations once for a batch, however often it is asked about, then its questions."""

import copy
import logging
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from robustmel.linkers.gemel.checkpoint import GemelCheckpoint, blank
from robustmel.linkers.gemel.demos import DemoPool
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix
from robustmel.linkers.gemel.prompt import Prompt
from robustmel.linkers.gemel.prompt_tokens import PromptTokens, embedded, left_padded
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.types import Query

log = logging.getLogger(__name__)

REMEMBERED = 4
"""Batches whose demonstrations stay read: an attack comes back to its batch."""


class PromptReader:
    """From queries and the features of their images to what a language model keeps of their prompts.

    Args:
        lm: The language model.
        checkpoint: Mapper, prompt and features of the demonstrations' images.
        pool: Chooses demonstrations.
        demos: How many are shown.
        room: Tokens of the context that are left free for the answer.

    Attributes:
        tokens: Writes the prompts.
    """

    def __init__(self, lm: LanguageModel, checkpoint: GemelCheckpoint, pool: DemoPool, demos: int, room: int) -> None:
        settings = checkpoint.settings
        if len(pool.demos) < demos:
            log.warning(
                "the pool has %d demonstrations, and %d are asked for in a prompt; all of them are shown.",
                len(pool.demos),
                demos,
            )
        self._lm, self._pool, self._count, self._room = lm, pool, demos, room
        self._mapper: nn.Linear = checkpoint.mapper.to(lm.device)
        self._features = torch.cat([checkpoint.features, blank(checkpoint.mapper.in_features)])  # row -1 is the blank one
        self.tokens = PromptTokens(
            lm.tokenizer, lm.start, read_prompt(Prompt, "gemel", settings.prompt), settings.visual_prefix_length
        )
        self._part, self._of = 0, 1
        self._read: dict[tuple[bool, tuple[int, ...]], tuple[tuple[Query, ...], Prefix | None]] = {}

    def showing(self, part: int, of: int) -> Self:
        """The same, with every `of`-th of the nearest demonstrations from number `part` on, the nearest being 0; none with `of = 0`."""
        other = copy.copy(self)
        other._part, other._of, other._read = part, of, {}
        return other

    def read(self, queries: Sequence[Query], features: Tensor, blank_demos: bool = False) -> Prefix:
        """The prompts, read; differentiable in the features.

        Args:
            queries: B of them.
            features: (B, width): of their images.
            blank_demos: Demonstrations come with blank images.

        Raises:
            UsageError: A question alone is longer than the context.
        """
        prefix = self._demonstrations(tuple(queries), blank_demos)
        questions = [self.tokens.question(query.text, query.surface) for query in queries]
        if prefix is None:
            questions = [self.tokens.start + question for question in questions]
        ids, mask = left_padded(questions)
        return self._lm.prefill(embedded(self._lm.embed, ids, self.visual(features)), mask, after=prefix)

    def choose(self, queries: Sequence[Query]) -> list[tuple[list[int], list[int]]]:
        """For each query the demonstrations chosen, and those of them for which the context has room.

        The least similar, which stand first, are left out.
        """
        nearest = self._pool.choose(queries, self._count * self._of)
        chosen = [row[::-1][self._part :: self._of or 1][::-1] for row in nearest]
        return [(row, self._fitting(query, row)) for query, row in zip(queries, chosen, strict=True)]

    def fits(self, query: Query) -> bool:
        """Whether the context has room for the question, without demonstrations, and its answer."""
        return self._left(query) >= 0

    def shortened(self, queries: Sequence[Query]) -> int:
        """How many of the queries are shown fewer demonstrations than were chosen, as their prompts would outgrow the context."""
        return sum(len(fitting) < len(row) for row, fitting in self.choose(queries) if row)

    def forget(self) -> None:
        """Reads demonstrations again: the mapper has changed."""
        self._read.clear()

    @torch.no_grad()
    def _demonstrations(self, queries: tuple[Query, ...], blank_demos: bool) -> Prefix | None:
        known = (blank_demos, tuple(map(id, queries)))
        if known not in self._read:
            chosen = [fitting for _, fitting in self.choose(queries)]
            prefix = self._read_demonstrations(chosen, blank_demos) if any(chosen) else None
            self._read[known] = queries, prefix  # the queries are held so that their identity stays their own
            while len(self._read) > REMEMBERED:
                del self._read[next(iter(self._read))]
        return self._read[known][1]

    def _read_demonstrations(self, chosen: Sequence[Sequence[int]], blank_demos: bool) -> Prefix:
        """One text for each query, or a single one where all queries have the same."""
        chosen = chosen[:1] if all(row == chosen[0] for row in chosen) else chosen
        demos = [[self._pool.demos[place] for place in row] for row in chosen]
        ids, mask = left_padded([self.tokens.start + [t for demo in row for t in self.tokens.demo(demo)] for row in demos])
        rows = [-1 if blank_demos else demo.image for row in demos for demo in row]
        return self._lm.prefill(embedded(self._lm.embed, ids, self.visual(self._features[rows])), mask)

    def _fitting(self, query: Query, chosen: Sequence[int]) -> list[int]:
        room, fitting = self._left(query), len(chosen)
        while fitting and (room := room - len(self.tokens.demo(self._pool.demos[chosen[fitting - 1]]))) >= 0:
            fitting -= 1
        return list(chosen[fitting:])

    def _left(self, query: Query) -> int:
        """Tokens of the context that are left beside the question and the room for its answer."""
        asked = len(self.tokens.start) + len(self.tokens.question(query.text, query.surface)) + self._room
        return (self._lm.context or 2**62) - asked

    def visual(self, features: Tensor) -> Tensor:
        """(B * prefix length, width): the visual vectors of features, one image after the other."""
        mapped: Tensor = self._mapper(features.to(self._lm.device))
        return mapped.reshape(-1, self._lm.width)
