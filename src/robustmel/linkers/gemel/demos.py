"""Demonstrations: which training mentions a language model is shown before a question."""

import hashlib
import random
from collections.abc import Callable, Sequence
from typing import Literal, get_args

from torch import Tensor
from torch.nn.functional import normalize

from robustmel.errors import UsageError
from robustmel.linkers.gemel.checkpoint import Demo
from robustmel.retrieval.nearest import nearest, top
from robustmel.retrieval.word_index import WordIndex
from robustmel.types import Query

Choice = Literal["random", "bm25", "dense"]
Compared = Literal["mention", "sentence"]

CHUNK = 1024
"""Queries compared at a time."""


def check_choice(demos: int, choice: str, compared: str) -> None:
    """Refuses what cannot be chosen by.

    Raises:
        UsageError: A value is out of its range.
    """
    if demos < 0:
        raise UsageError(f"demos = {demos}; expected 0 or more.")
    for name, given, known in (("demo_choice", choice, get_args(Choice)), ("demo_text", compared, get_args(Compared))):
        if given not in known:
            raise UsageError(f'{name} = "{given}" is unknown; it is one of {", ".join(known)}.')


class DemoPool:
    """Chooses demonstrations for queries.

    Args:
        demos: The pool.
        choice: "random" (by the query's id), "bm25" (shared words) or "dense" (cosine of embeddings).
        compared: What of query and demonstration is compared: the "mention" or the "sentence".
        embed: Texts to embeddings (n, D), for "dense".
    """

    def __init__(
        self, demos: Sequence[Demo], choice: Choice, compared: Compared, embed: Callable[[Sequence[str]], Tensor]
    ) -> None:
        self.demos, self.choice, self.compared, self._embed = demos, choice, compared, embed
        texts = [demo.mention if compared == "mention" else demo.text for demo in demos]
        if choice == "bm25":
            self._index = WordIndex(texts)
        elif choice == "dense" and demos:
            self._known = normalize(embed(texts), dim=-1).numpy(force=True)
        self._places = {demo.id: place for place, demo in enumerate(demos) if demo.id}

    def choose(self, queries: Sequence[Query], count: int) -> list[list[int]]:
        """For each query the places of its demonstrations, the most similar last; fewer where the pool is smaller.

        A query that is itself in the pool is not shown to itself. Equally similar ones are taken by their place in the pool.
        """
        count = min(count, len(self.demos))
        if not count:
            return [[] for _ in queries]
        chosen: list[list[int]] = []
        for start in range(0, len(queries), CHUNK):
            chosen += self._choose(queries[start : start + CHUNK], count)
        return chosen

    def _choose(self, queries: Sequence[Query], count: int) -> list[list[int]]:
        if self.choice == "random":
            ranked = [_drawn(query.id, len(self.demos), count + 1) for query in queries]
        else:
            texts = [query.surface if self.compared == "mention" else query.text for query in queries]
            distinct = list(dict.fromkeys(texts))
            if self.choice == "bm25":
                best = [top(self._index.scores(text), count + 1) for text in distinct]
            else:
                best = list(nearest(self._known, count + 1)(normalize(self._embed(distinct), dim=-1).numpy(force=True)))
            places = {text: row.tolist() for text, row in zip(distinct, best, strict=True)}
            ranked = [places[text] for text in texts]
        own = [self._places.get(query.id) for query in queries]
        return [[place for place in row if place != self_][:count][::-1] for row, self_ in zip(ranked, own, strict=True)]


def _drawn(item: str, size: int, count: int) -> list[int]:
    seed = int.from_bytes(hashlib.blake2b(f"demos\x00{item}".encode(), digest_size=8).digest(), "big")
    return random.Random(seed).sample(range(size), min(count, size))
