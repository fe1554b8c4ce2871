"""Who can be attacked, and who was fooled: the same for every modality."""

from collections.abc import Sequence

import torch
from torch import Tensor

from robustmel.kb import KnowledgeBase
from robustmel.types import Query


def unattackable(query: Query, gold: str | None, kb: KnowledgeBase) -> str | None:
    """Why there is nothing to displace from the first place; None where there is."""
    if gold is None:
        return "skipped:gold_is_nil"
    among = kb if query.candidates is None else query.candidates
    if gold not in among:
        return "skipped:gold_not_among_candidates"
    return "skipped:one_candidate" if len(among) < 2 else None


def gold_columns(queries: Sequence[Query], gold: Sequence[str | None], kb: KnowledgeBase) -> list[int]:
    """The column of the scores that belongs to the right entity: its place in the list, or in the knowledge base where that is open."""
    return [
        kb.position(str(right)) if query.candidates is None else query.candidates.index(str(right))
        for query, right in zip(queries, gold, strict=True)
    ]


def wrong(scores: Tensor, right: Tensor) -> Tensor:
    """Bool (b,): whether another candidate scores higher than the right one.

    Args:
        scores: float32 (b, C), absent candidates at minus infinity.
        right: int64 (b,), columns.
    """
    own = scores.gather(1, right[:, None])
    others = scores.scatter(1, right[:, None], -torch.inf)
    return others.amax(1) > own[:, 0]
