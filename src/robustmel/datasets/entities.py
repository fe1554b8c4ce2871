"""The knowledge base of the own data format: one entity a line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from robustmel.datasets.dataset import LoadReport
from robustmel.datasets.fields import ENTITY_KEYS, Record, names_in_file, remark_ignored
from robustmel.datasets.image_paths import image_path
from robustmel.datasets.lines import read_lines
from robustmel.datasets.shown import shown
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.types import Entity


def read_entities(path: Path, images: Path, fields: Mapping[str, str] | None, report: LoadReport) -> KnowledgeBase:
    """Reads entities.jsonl; findings that are no errors go into the report.

    Args:
        path: The file.
        images: The folder that image paths are relative to.
        fields: Own key -> the file's key.
        report: Where findings are counted.

    Raises:
        MissingError: The file is unreadable or empty, or a record is wrong; the sentence names the line.
    """
    names = names_in_file("entities", ENTITY_KEYS, fields)
    entities: dict[str, Entity] = {}
    places: dict[str, str] = {}
    ignored: set[str] = set()
    for line in read_lines(path, report):
        record = Record(line, names, ENTITY_KEYS)
        remark_ignored(record, path.name, ignored, report)
        entity = _entity(record, images, report)
        if entity.id in entities:
            raise MissingError(
                f'{line.place}: the entity id "{shown(entity.id)}" stands already at {places[entity.id]}; ids must be unique.'
            )
        entities[entity.id], places[entity.id] = entity, line.place
    if not entities:
        raise MissingError(f"{path} holds no entity; expected one JSON object a line with at least id and name.")
    return KnowledgeBase(entities.values())


def _entity(record: Record, images: Path, report: LoadReport) -> Entity:
    name = record.required_text("name")
    if not name.strip():
        report.remark("empty_names", record.place)
    paths = (image_path(images, named, record.place, report) for named in record.texts("images"))
    return Entity(
        id=record.identifier("id"),
        name=name,
        aliases=tuple(dict.fromkeys(alias for alias in record.texts("aliases") if alias.strip() and alias != name)),
        qid=record.optional_identifier("qid") or None,
        description=record.text("description"),
        text=record.text("text"),
        type=record.text("type") or None,
        popularity=record.weight("popularity"),
        images=tuple(path for path in paths if path is not None),
    )
