"""Which of several rows that differ in their source alone a table without sources shows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from robustmel.report.summary import Summary


def one_source(summaries: Sequence[Summary]) -> list[Summary]:
    """The rows of attacks made on the victim itself; of attacks made elsewhere, those that have one source for that victim.

    What is left out (an attack from several sources, none of them the victim) is in the transfer matrix.
    """
    alike: defaultdict[tuple[str, ...], list[Summary]] = defaultdict(list)
    for one in summaries:
        alike[one.dataset, one.task, one.linker, one.defence, one.attack].append(one)
    chosen = {id(one) for group in alike.values() for one in _chosen(group)}
    return [one for one in summaries if id(one) in chosen]


def _chosen(group: Sequence[Summary]) -> Sequence[Summary]:
    own = [one for one in group if one.source == one.linker]
    return own or (group if len(group) == 1 else [])
