"""Reads prompts: demonstrations once for a batch, however often it is asked about and shows them, then its questions."""

import copy
import logging
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from robustmel.linkers.gemel.checkpoint import GemelCheckpoint, blank
from robustmel.linkers.gemel.demo_embeddings import digest_of
from robustmel.linkers.gemel.demos import DemoPool, Order
from robustmel.linkers.gemel.language_model import LanguageModel, Prefix
from robustmel.linkers.gemel.prompt import Prompt
from robustmel.linkers.gemel.prompt_tokens import PromptTokens, embedded, left_padded
from robustmel.linkers.gemel.shared_prefixes import pass_ends
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.types import Query

log = logging.getLogger(__name__)

Shown = tuple[Prefix, Tensor]
"""Demonstrations that were read, and which of these texts each query is shown."""
Rows = list[tuple[int, ...]]
"""The places of the demonstrations that each query is shown, in the order of the prompt."""

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
        order: Of the demonstrations in a prompt, see `GEMEL`.

    Attributes:
        tokens: Writes the prompts.
    """

    def __init__(
        self,
        lm: LanguageModel,
        checkpoint: GemelCheckpoint,
        pool: DemoPool,
        demos: int,
        room: int,
        order: Order = "similar_last",
    ) -> None:
        settings = checkpoint.settings
        if len(pool.demos) < demos:
            log.warning(
                "the pool has %d demonstrations, and %d are asked for in a prompt; all of them are shown.",
                len(pool.demos),
                demos,
            )
        self._lm, self._pool, self._count, self._room, self._order = lm, pool, demos, room, order
        self._mapper: nn.Linear = checkpoint.mapper.to(lm.device)
        self._features = torch.cat([checkpoint.features, blank(checkpoint.mapper.in_features)])  # row -1 is the blank one
        self.tokens = PromptTokens(
            lm.tokenizer, lm.start, read_prompt(Prompt, "gemel", settings.prompt), settings.visual_prefix_length
        )
        self._part, self._of = 0, 1
        self._read: dict[tuple[bool, tuple[int, ...]], tuple[tuple[Query, ...], Rows, Shown | None]] = {}

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
        prefix, parents = self._demonstrations(tuple(queries), blank_demos)[1] or (None, None)
        questions = [self.tokens.question(query.text, query.surface) for query in queries]
        if prefix is None:
            questions = [self.tokens.start + question for question in questions]
        ids, mask = left_padded(questions)
        return self._lm.prefill(embedded(self._lm.embed, ids, self.visual(features)), mask, prefix, parents)

    def choose(self, queries: Sequence[Query]) -> list[tuple[list[int], list[int]]]:
        """For each query the demonstrations chosen, the most similar last, and those that are shown, in the order of the prompt.

        Where the context has no room for all of them, the least similar are left out.
        """
        nearest = self._pool.choose(queries, self._count * self._of)
        chosen = [row[::-1][self._part :: self._of or 1][::-1] for row in nearest]
        fitting = [self._fitting(query, row) for query, row in zip(queries, chosen, strict=True)]
        return list(zip(chosen, map(sorted, fitting) if self._order == "pool" else fitting, strict=True))

    def shown(self, queries: Sequence[Query], blank_demos: bool = False) -> list[tuple[str, ...]]:
        """What each of these queries was shown when it was read, see `Prediction.demos`; images do not count."""
        rows, demos = self._demonstrations(tuple(queries), blank_demos)[0], self._pool.demos
        said = {place: digest_of([demos[place].mention, demos[place].text, demos[place].name]) for row in rows for place in row}
        return [tuple(f"{demos[place].id or f'demo {place}'} {said[place]}" for place in row) for row in rows]

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
    def _demonstrations(self, queries: tuple[Query, ...], blank_demos: bool) -> tuple[Rows, Shown | None]:
        known = (blank_demos, tuple(map(id, queries)))
        if known not in self._read:
            rows = [tuple(fitting) for _, fitting in self.choose(queries)]
            shown = self._read_demonstrations(rows, blank_demos) if any(rows) else None
            self._read[known] = queries, rows, shown  # the queries are held so that their identity stays their own
            while len(self._read) > REMEMBERED:
                del self._read[next(iter(self._read))]
        return self._read[known][1:]

    def _read_demonstrations(self, rows: Sequence[tuple[int, ...]], blank_demos: bool) -> Shown:
        """Pass after pass through the rows, each distinct beginning once."""
        tokens = {place: self.tokens.demo(self._pool.demos[place]) for row in rows for place in row}
        prefix, begin = None, 0
        number: dict[tuple[int, ...], int] = {(): 0}
        for end in pass_ends(rows, lambda place: len(tokens[place])):
            begun = list(dict.fromkeys(row[:end] for row in rows))
            ids, mask = left_padded(
                [
                    [*([] if prefix else self.tokens.start), *(t for place in row[begin:] for t in tokens[place])]
                    for row in begun
                ]
            )
            images = [-1 if blank_demos else self._pool.demos[place].image for row in begun for place in row[begin:]]
            embeds = embedded(self._lm.embed, ids, self.visual(self._features[images]))
            prefix = self._lm.prefill(embeds, mask, prefix, torch.tensor([number[row[:begin]] for row in begun]))
            begin, number = end, {row: place for place, row in enumerate(begun)}
        assert prefix is not None
        return prefix, torch.tensor([number[row] for row in rows])

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
