"""A knowledge base from wherever it lies: a folder made by `robustmel kb build`, or a file with one entity per line."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from robustmel.errors import MissingError
from robustmel.kb.knowledge_base import KnowledgeBase
from robustmel.kb.stored import ABOUT, StoredKnowledgeBase
from robustmel.records.image_paths import image_path
from robustmel.records.load_report import LoadReport
from robustmel.records.record import ENTITY_KEYS, Record, read_unique
from robustmel.types import Entity


def open_kb(path: Path) -> KnowledgeBase:
    """Opens a folder with a stored knowledge base, or reads an entities.jsonl (or the folder of one).

    Raises:
        MissingError: There is neither; the sentence says what was looked for.
    """
    entities = stream_kb(path)
    return entities if isinstance(entities, KnowledgeBase) else KnowledgeBase(entities)


def stream_kb(path: Path) -> Iterable[Entity]:
    """The same entities, of which memory holds few at a time.

    Raises:
        MissingError: As for `open_kb`; that a record is wrong is found when it is reached.
    """
    if (path / ABOUT).is_file():
        return StoredKnowledgeBase(path)
    file = path / "entities.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise MissingError(
            f"no knowledge base at {path}: expected a folder that `robustmel kb build` made, or an entities.jsonl"
            ' (one entity a line, {"id": ..., "name": ...}; `robustmel datasets jsonl` names the other keys).'
        )
    return _entities(file, file.parent, None, LoadReport("entities"))


def read_entities(path: Path, images: Path, fields: Mapping[str, str] | None, report: LoadReport) -> KnowledgeBase:
    """Reads entities.jsonl; findings that are no errors go into the report.

    Raises:
        MissingError: The file is unreadable or empty, or a record is wrong; the sentence names the line.
    """
    return KnowledgeBase(_entities(path, images, fields, report))


def _entities(path: Path, images: Path, fields: Mapping[str, str] | None, report: LoadReport) -> Iterator[Entity]:
    return (_entity(record, images, report) for record in read_unique(path, "entities", ENTITY_KEYS, fields, report))


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
