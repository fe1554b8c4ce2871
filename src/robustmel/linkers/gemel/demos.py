"""Demonstrations: which training mentions a language model is shown before a question."""

import hashlib
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import normalize

from robustmel.errors import UsageError
from robustmel.images import file_digest
from robustmel.linkers.gemel.checkpoint import Demo, GemelCheckpoint
from robustmel.linkers.gemel.demo_embeddings import DemoEmbeddings
from robustmel.linkers.gemel.stored_features import StoredFeatures
from robustmel.linkers.gemel.vision import VisionEncoder
from robustmel.linkers.loading import pick_device
from robustmel.linkers.sentence_encoder import sentence_tower
from robustmel.retrieval.nearest import top
from robustmel.retrieval.word_index import WordIndex
from robustmel.types import Query

Choice = Literal["random", "fixed", "bm25", "dense"]
Compared = Literal["mention", "sentence"]
Order = Literal["similar_last", "pool"]

CHUNK = 64
"""Queries compared at a time. A shorter chunk is filled up: products of one shape do not depend on a query's neighbours."""


def check_choice(demos: int | None, choice: str, compared: str, order: str = "similar_last") -> None:
    """Refuses what cannot be chosen by.

    Raises:
        UsageError: A value is out of its range.
    """
    if demos is not None and demos < 0:
        raise UsageError(f"demos = {demos}; expected 0 or more.")
    for name, given, values in (
        ("demo_choice", choice, Choice), ("demo_text", compared, Compared), ("demo_order", order, Order)
    ):  # fmt: skip
        if given not in get_args(values):
            raise UsageError(f'{name} = "{given}" is unknown; it is one of {", ".join(get_args(values))}.')


class DemoPool:
    """Chooses demonstrations for queries.

    Args:
        demos: The pool.
        choice: "random" (by the query's id), "fixed" (random ones, the same for every query), "bm25" (shared words) or "dense" (cosine of embeddings).
        compared: What of query and demonstration is compared: the "mention" or the "sentence".
        embed: Texts to embeddings (n, D), for "dense".
        kept: Embeddings of the pool that were made before; None embeds it now.
        encoder: Digest of the files behind `embed`.

    Attributes:
        known: Embeddings of the pool, for "dense".
    """

    def __init__(
        self,
        demos: Sequence[Demo],
        choice: Choice,
        compared: Compared,
        embed: Callable[[Sequence[str]], Tensor] | None = None,
        kept: DemoEmbeddings | None = None,
        encoder: str = "",
    ) -> None:
        self.demos, self.choice, self.compared, self._embed = demos, choice, compared, embed
        texts = [demo.compared(compared) for demo in demos]
        self.known: DemoEmbeddings | None = None
        if choice == "bm25":
            self._index = WordIndex(texts)
        elif choice == "dense" and demos:
            assert embed is not None
            fresh = kept is None or (kept.compared, kept.encoder) != (compared, encoder)
            self.known = DemoEmbeddings.of(texts, embed, compared, encoder) if fresh else kept
            self._row = dict(zip(texts, self.known.rows.tolist(), strict=True)) if self.known else {}
        self._places = {demo.id: place for place, demo in enumerate(demos) if demo.id}

    def choose(self, queries: Sequence[Query], count: int) -> list[list[int]]:
        """For each query the places of its demonstrations, the most similar last; fewer where the pool is smaller.

        A query that is itself in the pool is not shown to itself. Equally similar ones are taken by their place in the pool.
        """
        count = min(count, len(self.demos))
        if not count or not queries:
            return [[] for _ in queries]
        if self.choice in ("random", "fixed"):
            ranked = [_drawn(query.id if self.choice == "random" else "", len(self.demos), count + 1) for query in queries]
        else:
            texts = [query.surface if self.compared == "mention" else query.text for query in queries]
            distinct = list(dict.fromkeys(texts))
            if self.choice == "bm25":
                scores: Iterable[NDArray[np.float32]] = map(self._index.scores, distinct)
            else:
                scores = self._cosines(distinct)
            places = {text: top(row, count + 1).tolist() for text, row in zip(distinct, scores, strict=True)}
            ranked = [places[text] for text in texts]
        own = [self._places.get(query.id) for query in queries]
        return [[place for place in row if place != self_][:count][::-1] for row, self_ in zip(ranked, own, strict=True)]

    def _cosines(self, texts: Sequence[str]) -> Iterator[NDArray[np.float32]]:
        """(N,) for each text, in turn."""
        assert self.known is not None
        assert self._embed is not None
        vectors, rows = self.known.vectors.numpy(), self.known.rows.numpy()
        asked = np.empty((len(texts), vectors.shape[1]), np.float32)
        fresh = [place for place, text in enumerate(texts) if text not in self._row]  # mentions recur
        if fresh:
            asked[fresh] = normalize(self._embed([texts[place] for place in fresh]), dim=-1).numpy(force=True)
        recurring = [place for place, text in enumerate(texts) if text in self._row]
        asked[recurring] = vectors[[self._row[texts[place]] for place in recurring]]
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            filled = np.concatenate((part, np.zeros((CHUNK - len(part), part.shape[1]), np.float32)))
            yield from (filled @ vectors.T)[: len(part), rows]


def demo_pool(
    checkpoint: GemelCheckpoint, choice: Choice, compared: Compared, vision: VisionEncoder | StoredFeatures, device: str
) -> DemoPool:
    """The pool of a trained GEMEL, compared by its sentence encoder, or by the vision encoder's text tower where it has none."""
    name = checkpoint.settings.demo_encoder
    if choice != "dense":
        return DemoPool(checkpoint.demos, choice, compared)
    if name:
        tower = sentence_tower(name, pick_device(device))
    elif isinstance(vision, StoredFeatures):
        tower = VisionEncoder(checkpoint.settings.named_vision(), device=device).text_tower
    else:
        tower = vision.text_tower
    encoder = hashlib.blake2b("".join(map(file_digest, checkpoint.settings.encoder_files())).encode(), digest_size=16)
    return DemoPool(checkpoint.demos, choice, compared, tower.embed, checkpoint.embeddings, encoder.hexdigest())


def _drawn(item: str, size: int, count: int) -> list[int]:
    seed = int.from_bytes(hashlib.blake2b(f"demos\x00{item}".encode(), digest_size=8).digest(), "big")
    return random.Random(seed).sample(range(size), min(count, size))
