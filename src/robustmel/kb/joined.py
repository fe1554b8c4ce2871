"""Two knowledge bases as one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from robustmel.kb.knowledge_base import KnowledgeBase
from robustmel.types import Entity


class JoinedKnowledgeBase(KnowledgeBase):
    """A knowledge base, large perhaps, and a few entities that it lacks, after its own.

    Args:
        first: Kept as it is.
        more: Entities whose ids it does not have.
    """

    def __init__(self, first: KnowledgeBase, more: Iterable[Entity]) -> None:
        self._first, self._more = first, KnowledgeBase(more)

    @property
    def entities(self) -> tuple[Entity, ...]:  # type: ignore[override]
        """All of them, in memory."""
        return tuple(self)

    def __getitem__(self, entity_id: str) -> Entity:
        return self._more[entity_id] if entity_id in self._more else self._first[entity_id]

    def __contains__(self, entity_id: object) -> bool:
        return entity_id in self._more or entity_id in self._first

    def __iter__(self) -> Iterator[Entity]:
        return chain(self._first, self._more)

    def __len__(self) -> int:
        return len(self._first) + len(self._more)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All entity ids, in order."""
        return self._first.ids + self._more.ids

    def named(self, name: str) -> tuple[str, ...]:
        """Ids of the entities with this name or alias, compared folded; in knowledge-base order."""
        return self._first.named(name) + self._more.named(name)
