"""The mentions as they were asked, and which of them belong together."""

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from robustmel.columnar import REPEATED


@dataclass(frozen=True, slots=True)
class Question:
    """A mention as it was asked, with its answer.

    Args:
        id: Opaque id.
        gold: Id of the right entity; None means NIL.
        surface: The mention string.
        text: The sentence.
        image: Path of the clean image, None where the record names none.
        candidates: Entity ids that were to choose from; None where the whole knowledge base was open.
        cluster: Mentions with the same value are about the same entity.
        gold_in_kb: Whether the knowledge base has the gold entity.
        image_digest: Of the clean image's bytes; None where there is no such file, or nobody looked.
    """

    id: str
    gold: str | None
    surface: str
    text: str
    image: str | None
    candidates: tuple[str, ...] | None
    cluster: str
    gold_in_kb: bool = True
    image_digest: str | None = None

    @property
    def reachable(self) -> bool:
        """Whether the gold entity is among what was to choose from."""
        return self.gold_in_kb if self.candidates is None else self.gold in self.candidates


@dataclass(frozen=True, slots=True)
class EntityFacts:
    """What slices are cut by: an entity's name, type (None where it has none) and popularity."""

    name: str
    type: str | None
    popularity: float


QUESTIONS = pa.schema(
    [(name, pa.string()) for name in ("id", "text", "surface", "image", "image_digest")]
    + [("gold", REPEATED), ("cluster", REPEATED), ("candidates", pa.list_(REPEATED)), ("gold_in_kb", pa.bool_())]
)
"""What a report reads of `candidates.parquet`."""


def question(row: Mapping[str, Any]) -> Question:
    """From a record of `QUESTIONS`; what an earlier version did not write is None."""
    return Question(
        id=row["id"],
        gold=row["gold"],
        surface=row["surface"] or "",
        text=row["text"] or "",
        image=row["image"],
        candidates=None if row["candidates"] is None else tuple(row["candidates"]),
        cluster=row["cluster"] or "",
        gold_in_kb=row["gold_in_kb"] is not False,
        image_digest=row["image_digest"],
    )


def clusters(questions: Sequence[Question]) -> NDArray[np.int64]:
    """int64 (n,): a cluster number from 0 a mention, numbered by first appearance.

    Two mentions are in one cluster if they are about one entity or show one image (the same bytes, under whatever paths), or are
    linked by a chain of such pairs.
    """
    mentions, keys = array("i"), array("q")  # the hash alone of a text is kept
    for mention, question in enumerate(questions):
        shared = [("entity", question.cluster)]
        shared += [("image", question.image_digest or question.image)] if question.image else []
        mentions.extend([mention] * len(shared))
        keys.extend(map(hash, shared))
    different, node = np.unique(np.array(keys, dtype=np.int64), return_inverse=True)
    ends = np.array(mentions, dtype=np.int32), (len(questions) + node).astype(np.int32)
    graph = coo_array((np.ones(len(mentions), dtype=np.int8), ends), shape=(len(questions) + len(different),) * 2)
    numbers: NDArray[np.int64] = connected_components(graph, directed=False)[1][: len(questions)].astype(np.int64)
    return numbers
