"""Who can be attacked, and who was fooled: the same for every modality."""

from collections.abc import Callable, Sequence

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


class Margins:
    """How far the right candidates are ahead of their rivals; see `TextObjective`.

    A candidate that every answer to a query so far gave exactly the right one's score reads like it, and is no rival.

    Args:
        scores: float32 (b, C) of queries, absent candidates at minus infinity.
        kb: What an open query is asked about.
    """

    def __init__(self, scores: Callable[[Sequence[Query]], Tensor], kb: KnowledgeBase) -> None:
        self._scores, self._kb = scores, kb
        self._alike: dict[str, Tensor] = {}

    def __call__(self, queries: Sequence[Query], gold: Sequence[str | None]) -> Tensor:
        """float32 (b,)."""
        margins = []
        columns = gold_columns(queries, gold, self._kb)
        for query, row, column in zip(queries, self._scores(queries), columns, strict=True):
            width = len(self._kb if query.candidates is None else query.candidates)  # beyond it lie other queries' and NIL
            alike = (row[:width] == row[column]) & self._alike.get(
                query.id, torch.ones((), dtype=torch.bool, device=row.device)
            )
            self._alike[query.id] = alike
            rivals = row.clone()
            rivals[:width][alike] = -torch.inf
            margins.append(row[column] - rivals.amax())
        return torch.stack(margins)
