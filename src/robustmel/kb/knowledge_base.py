"""Entities by id and by name."""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from functools import cached_property
from itertools import chain

from robustmel.errors import MissingError
from robustmel.types import Entity


def fold(name: str) -> str:
    """The form in which names are compared: NFC, case-folded, runs of white space made one blank."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


class KnowledgeBase:
    """Entities in a fixed order, found by id or by (folded) name and alias.

    Args:
        entities: In the order in which candidates and ties are listed.

    Raises:
        MissingError: Two entities have the same id.
    """

    def __init__(self, entities: Iterable[Entity]) -> None:
        self.entities = tuple(entities)
        self._by_id = {entity.id: entity for entity in self.entities}
        if len(self._by_id) < len(self.entities):
            seen: set[str] = set()
            twice = next(entity.id for entity in self.entities if entity.id in seen or seen.add(entity.id))  # type: ignore[func-returns-value]
            raise MissingError(f'the knowledge base lists the entity id "{twice}" twice; ids must be unique.')

    def __getitem__(self, entity_id: str) -> Entity:
        return self._by_id[entity_id]

    def __contains__(self, entity_id: object) -> bool:
        return entity_id in self._by_id

    def __iter__(self) -> Iterator[Entity]:
        return iter(self.entities)

    def __len__(self) -> int:
        return len(self.entities)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """All entity ids, in order."""
        return tuple(self._by_id)

    def position(self, entity_id: str) -> int:
        """Where an entity stands in the order, from 0; KeyError where it is not there."""
        return self._positions[entity_id]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {entity_id: position for position, entity_id in enumerate(self.ids)}

    @cached_property
    def _by_name(self) -> dict[str, tuple[str, ...]]:
        ids_by_name: defaultdict[str, list[str]] = defaultdict(list)
        for entity in self.entities:
            for name in dict.fromkeys(fold(known) for known in (entity.name, *entity.aliases)):
                ids_by_name[name].append(entity.id)
        return {name: tuple(ids) for name, ids in ids_by_name.items()}

    def named(self, name: str) -> tuple[str, ...]:
        """Ids of the entities with this name or alias, compared folded; in knowledge-base order."""
        return self._by_name.get(fold(name), ())


class ExtendedKnowledgeBase(KnowledgeBase):
    """A knowledge base, large perhaps, and a few entities that it lacks, after its own."""

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
