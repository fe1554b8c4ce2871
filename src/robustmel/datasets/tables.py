"""Entities gathered from the records of a data set that has no table of them."""

from __future__ import annotations

from dataclasses import dataclass, field

from robustmel.datasets.dataset import LoadReport
from robustmel.types import Entity


@dataclass
class EntityTable:
    """Entities by id, in order of first mention; the first name is the label, other names are aliases.

    Args:
        report: Where findings are counted.
    """

    report: LoadReport
    _names: dict[str, dict[str, None]] = field(default_factory=dict)

    def add(self, entity_id: str, name: str, place: str) -> str:
        """Notes an entity under a name; returns its id. An empty name is counted, a further one becomes an alias."""
        names = self._names.setdefault(entity_id, {})
        if not name.strip():
            self.report.remark("empty_names", place)
        elif names and name not in names:
            self.report.remark("several_names", f"{place}: {name}")
        if name.strip():
            names[name] = None
        return entity_id

    def entities(self) -> list[Entity]:
        """All of them; those whose id is a Wikidata id have it as `qid` as well."""
        return [
            Entity(id=one, name=next(iter(names), ""), aliases=tuple(names)[1:], qid=one if is_qid(one) else None)
            for one, names in self._names.items()
        ]


def is_qid(text: str) -> bool:
    """Whether a text is a Wikidata item id: Q and a number without leading zero."""
    return text[:1] == "Q" and text[1:2] != "0" and text[1:].isascii() and text[1:].isdigit()
