"""Where in a shuffled list the answers stood: a habit of position shows, as the order is drawn and chance is known."""

from collections.abc import Iterable, Sequence
from typing import Any

from robustmel.types import Query


def list_places(linker: Any, queries: Sequence[Query], ranked: Iterable[Sequence[str]]) -> dict[str, float] | None:
    """How often the best answer of a linker that shows its candidates in a drawn order stood first and last in it.

    Args:
        linker: Says the order by `shown(query)`, and by `shuffled` that it is drawn; None is returned for any other.
        queries: What it was asked.
        ranked: Its rankings, in the queries' order.

    Returns:
        "asked", answers to lists of two or more; "first" and "last", how many of them stood there; "chance", how many would by chance.
    """
    if not getattr(linker, "shuffled", False):
        return None
    counts = {"asked": 0.0, "first": 0.0, "last": 0.0, "chance": 0.0}
    for query, answer in zip(queries, ranked, strict=True):
        listed = list(linker.shown(query)) if answer else []
        if len(listed) > 1:
            counts["asked"] += 1
            counts["first"] += answer[0] == listed[0]
            counts["last"] += answer[0] == listed[-1]
            counts["chance"] += 1 / len(listed)
    return counts
