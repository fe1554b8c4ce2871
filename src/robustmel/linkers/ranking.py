"""From a row of scores to an answer."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray

from robustmel.kb import KnowledgeBase
from robustmel.types import Prediction, Query

if TYPE_CHECKING:
    from torch import Tensor


class Ranking(Sequence[str]):
    """All entities of a knowledge base, best first, without an object for each of them.

    Args:
        kb: Whose entities are ranked.
        order: int32 (N,): the positions of the entities in the knowledge base, best first.
    """

    def __init__(self, kb: KnowledgeBase, order: NDArray[np.int32]) -> None:
        self.kb = kb
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[str, ...]: ...
    def __getitem__(self, index: int | slice) -> str | tuple[str, ...]:
        if isinstance(index, slice):
            return tuple(self.kb.ids[position] for position in self.order[index].tolist())
        return self.kb.ids[int(self.order[index])]

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """The rank of an entity, from 0; ValueError where it is not ranked."""
        if value in self.kb:
            for rank in np.flatnonzero(self.order[start:stop] == self.kb.position(value)).tolist():
                return start + int(rank)
        raise ValueError(f"{value!r} is not ranked.")

    def __contains__(self, value: object) -> bool:
        return value in self.kb

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ranking) and other.kb is self.kb and np.array_equal(self.order, other.order)

    def __hash__(self) -> int:
        return hash((id(self.kb), self.order.tobytes()))


def ranking(query: Query, scores: Tensor | None, kb: KnowledgeBase | None = None) -> Prediction:
    """Candidates by descending score; equal ones keep the candidates' order, one that is listed twice is ranked once.

    Args:
        query: What was asked.
        scores: One score a candidate, what follows is ignored; None where they did not fit in memory.
        kb: What an open query is asked about; not needed for queries that list candidates.
    """
    if scores is None:
        return Prediction(query.id, error="out_of_memory")
    if query.candidates is None and kb is not None:
        return _open_ranking(query, scores, kb)
    own = dict(zip(query.listed, scores.tolist(), strict=False))
    if not all(map(math.isfinite, own.values())):
        return Prediction(query.id, error="non_finite")
    ranked = sorted(own, key=own.__getitem__, reverse=True)
    return Prediction(query.id, tuple(ranked), tuple(own[candidate] for candidate in ranked))


def _open_ranking(query: Query, scores: Tensor, kb: KnowledgeBase) -> Prediction:
    own = scores[: len(kb)].float()
    if not bool(own.isfinite().all()):
        return Prediction(query.id, error="non_finite")
    values, order = own.sort(descending=True, stable=True)
    ranked = Ranking(kb, order.int().cpu().numpy())
    return Prediction(query.id, ranked, array("f", values.cpu().numpy().tobytes()))
