"""Candidates by the likeness of their text embeddings to the mention's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from robustmel.candidates.ranking import require_count
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.retrieval.nearest import nearest, nearest_by_graph
from robustmel.types import Mention

_CHUNK = 1024
_PRODUCTS = 100_000_000
"""Scores held at once: 400 MB."""


@dataclass(frozen=True)
class Dense:
    """Ranks entities by the cosine of text embeddings.

    Every list has k entities (or the whole knowledge base). Equal scores keep the order of the knowledge base.

    Args:
        encoder: Name of a linker with a text tower ("clip-world"), which embeds both sides.
        k: Length of a list.
        text: Embed surface and sentence of the mention; else the surface alone.
        description: Embed name and description of the entity; else the name alone.
        index: "exact" computes every product; "faiss" asks a graph (HNSW) instead, for millions of entities: it needs the extra
            faiss, and may miss some of the best.
        parameters: The encoder's own parameters.
    """

    encoder: str
    k: int = 10
    text: bool = False
    description: bool = True
    index: Literal["exact", "faiss"] = "exact"
    parameters: Mapping[str, Any] = field(default_factory=dict)

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        require_count("dense", self.k)
        if self.index not in ("exact", "faiss"):
            raise UsageError(f'candidate generator dense has no index "{self.index}"; choose "exact" or "faiss".')

    @classmethod
    def assets(cls, *, encoder: str, parameters: Mapping[str, Any], **_: object) -> tuple[Path, ...]:
        """The encoder's files: other weights find other candidates."""
        loaded = LINKERS.load(encoder)
        files: tuple[Path, ...] = loaded.assets(**LINKERS.parameters(encoder, parameters)) if hasattr(loaded, "assets") else ()
        return files

    def candidates(self, mentions: Sequence[Mention], kb: KnowledgeBase, train: Sequence[Mention]) -> list[tuple[str, ...]]:
        """See `CandidateGenerator.candidates`.

        Raises:
            UsageError: The encoder embeds no texts.
        """
        encoder = LINKERS.create(self.encoder, kb, **self.parameters)
        if not hasattr(encoder, "embed_texts"):
            raise UsageError(
                f"linker {self.encoder} has no text embeddings to find candidates by; "
                'choose a dual encoder (encoder = "clip-world"), or candidates = "bm25".'
            )
        asked = [
            f"{mention.surface}: {mention.text}" if self.text and mention.text else mention.surface for mention in mentions
        ]
        queries = list(dict.fromkeys(asked))
        entries = [f"{e.name}: {e.description}" if self.description and e.description else e.name for e in kb]
        entity_embeddings = _normalised(encoder.embed_texts(entries))
        best = nearest_by_graph(entity_embeddings, self.k) if self.index == "faiss" else nearest(entity_embeddings, self.k)
        lists: dict[str, tuple[str, ...]] = {}
        step = max(1, min(_CHUNK, _PRODUCTS // max(1, len(entity_embeddings))))
        for start in range(0, len(queries), step):
            some = queries[start : start + step]
            for query, places in zip(some, best(_normalised(encoder.embed_texts(some))), strict=True):
                lists[query] = tuple(kb.ids[place] for place in places)
        return [lists[query] for query in asked]


def _normalised(embeddings: Any) -> NDArray[np.float32]:
    """Rows of length 1, from a torch tensor or an array (N, D)."""
    rows = embeddings.detach().cpu().float().numpy() if hasattr(embeddings, "detach") else embeddings
    rows = np.asarray(rows, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit
