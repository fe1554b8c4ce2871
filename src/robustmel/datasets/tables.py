"""Entities gathered from wherever a data set speaks of them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from robustmel.records.load_report import LoadReport
from robustmel.types import Entity


@dataclass
class _Row:
    names: dict[str, None] = field(default_factory=dict)
    description: str = ""
    text: str = ""
    kind: str | None = None
    images: dict[Path, None] = field(default_factory=dict)


@dataclass
class EntityTable:
    """Entities by id, in order of first mention; the first name is the label, other names are aliases."""

    report: LoadReport
    _rows: dict[str, _Row] = field(default_factory=dict)

    def __contains__(self, entity_id: object) -> bool:
        return entity_id in self._rows

    @property
    def ids(self) -> frozenset[str]:
        """The ids noted so far."""
        return frozenset(self._rows)

    def add(
        self,
        entity_id: str,
        name: str,
        place: str,
        *,
        description: str = "",
        text: str = "",
        kind: str | None = None,
        images: Iterable[Path] = (),
    ) -> str:
        """Notes what a record says of an entity; returns its id.

        A second name becomes an alias (counted as `several_names`); of description, text and type the first that is not empty
        stays.
        """
        row = self._rows.setdefault(entity_id, _Row())
        if name.strip():
            if row.names and name not in row.names:
                self.report.remark("several_names", f"{place}: {name}")
            row.names[name] = None
        row.description = row.description or description
        row.text = row.text or text
        row.kind = row.kind or kind
        row.images |= dict.fromkeys(images)
        return entity_id

    def entities(self) -> list[Entity]:
        """All of them. One that no file names is called by its id, and counted as `nameless_entities`."""
        for entity_id, row in self._rows.items():
            if not row.names:
                self.report.remark("nameless_entities", entity_id)
        return [
            Entity(
                id=entity_id,
                name=next(iter(row.names), entity_id),
                aliases=tuple(row.names)[1:],
                qid=entity_id if is_qid(entity_id) else None,
                description=row.description,
                text=row.text,
                type=row.kind,
                images=tuple(row.images),
            )
            for entity_id, row in self._rows.items()
        ]


def is_qid(text: str) -> bool:
    """Whether a text is a Wikidata item id: Q and a number without leading zero."""
    return text[:1] == "Q" and text[1:2] != "0" and text[1:].isascii() and text[1:].isdigit()
