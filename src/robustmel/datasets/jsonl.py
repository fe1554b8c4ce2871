"""A data set of one's own: mentions.jsonl, entities.jsonl and images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from robustmel.datasets.dataset import Dataset
from robustmel.datasets.layouts.layout import contents
from robustmel.datasets.mentions import read_mentions, split_name
from robustmel.errors import MissingError
from robustmel.kb import KnowledgeBase
from robustmel.kb.entities_file import read_entities
from robustmel.kb.stored import ABOUT, StoredKnowledgeBase
from robustmel.records.json_lines import archive_kind
from robustmel.records.load_report import LoadReport
from robustmel.records.record import ENTITY_KEYS, MENTION_KEYS, is_nil, names_in_file, read_unique
from robustmel.types import Entity

MENTIONS, ENTITIES = "mentions.jsonl", "entities.jsonl"


@dataclass(frozen=True)
class JSONL:
    """Data of your own: mentions.jsonl, entities.jsonl and images; keys may have other names.

    A line of mentions.jsonl is an object with id, gold (the id of the right entity, or null for NIL) and surface (the mention as it
    is written); text, span ([start, end] of the surface in the text), image (a path), candidates (a list of ids), split,
    topic and box ([left, top, right, bottom] in pixels of the image) may follow.
    A line of entities.jsonl has id and name; aliases, qid, description, text, type, popularity and images may follow.

    Args:
        path: Folder with mentions.jsonl and entities.jsonl, or the mentions file itself.
        images: Folder that image paths are relative to; the mentions' folder where None.
        kb: The entities file (or the folder of an entities.jsonl, or one made by `robustmel kb build`); beside the mentions
            where None.
        fields: Own key -> the file's key, for files with other names ({"surface": "mention", "gold": "entity_id"});
            "mentions.id" and "entities.id" where the two files differ.
        name: Name of the data set; the folder's where None.
        without_kb: Where there is no entities file, take the ids that mentions name for entities: enough to edit records, not to link.

    Raises:
        UsageError: `fields` names a key that the format does not have.
    """

    path: str | Path
    images: str | Path | None = None
    kb: str | Path | None = None
    fields: Mapping[str, str] | None = None
    name: str | None = None
    without_kb: bool = False

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        names_in_file("mentions", MENTION_KEYS, self.fields)
        names_in_file("entities", ENTITY_KEYS, self.fields)

    def load(self, split: str = "all") -> Dataset:
        """Reads everything, then keeps one split; "dev", "val" and "valid" are "validation".

        Raises:
            MissingError: A file is absent or a record is wrong; the sentence says where and what was expected.
        """
        mentions_file, entities_file = self.files()
        images = mentions_file.parent if self.images is None else Path(self.images)
        if not images.is_dir():
            raise MissingError(f"no image folder {images}; expected the folder that the image paths are relative to.")
        renamed = ", ".join(f"{ours} = {theirs}" for ours, theirs in (self.fields or {}).items())
        report = LoadReport("jsonl" + (f" ({renamed})" if renamed else ""))
        stored = entities_file.name == ABOUT
        if self.without_kb and self.kb is None and not entities_file.is_file():
            kb: KnowledgeBase = _named(mentions_file, self.fields, report)
        else:
            kb = (
                StoredKnowledgeBase(entities_file.parent)
                if stored
                else read_entities(entities_file, images, self.fields, report)
            )
        mentions = read_mentions(mentions_file, images, self.fields, kb, report)
        name = self.name or mentions_file.resolve().parent.name
        folders = (mentions_file.parent, entities_file.parent, images)
        return Dataset(name, mentions, kb, report, folders=folders).split(split_name(split))

    def files(self) -> tuple[Path, Path]:
        """The mentions file and the entities file.

        Raises:
            MissingError: One of them is not there; the sentence says what was looked for.
        """
        path = Path(self.path)
        expected = f"expected a folder with {MENTIONS} and {ENTITIES} (`robustmel datasets jsonl` describes them), or the mentions file"
        if path.is_file() and (kind := archive_kind(path)):
            raise MissingError(f"{path} is a {kind} archive; unpack it and give the folder.")
        if not path.exists():
            raise MissingError(f"no data set at {path}: {expected}.")
        mentions = path if path.is_file() else path / MENTIONS
        if not mentions.is_file():
            raise MissingError(f"no {MENTIONS} in {path} ({contents(path)}): {expected}.")
        entities = mentions.parent / ENTITIES if self.kb is None else Path(self.kb)
        if entities.is_dir():
            entities = entities / (ABOUT if (entities / ABOUT).is_file() else ENTITIES)
        if not entities.is_file() and not (self.without_kb and self.kb is None):
            raise MissingError(f"no entities file {entities}; the knowledge base goes there, or give its path as kb.")
        return mentions, entities


def _named(mentions_file: Path, fields: Mapping[str, str] | None, report: LoadReport) -> KnowledgeBase:
    """The entities that mentions name, each called by its id."""
    report.remark("no_entities_file", mentions_file.name)
    ids: dict[str, None] = {}
    for record in read_unique(mentions_file, "mentions", MENTION_KEYS, fields, LoadReport("")):
        gold, candidates = record.optional_identifier("gold"), record.identifiers("candidates") or ()
        ids |= dict.fromkeys(entity for entity in (gold, *candidates) if entity is not None and not is_nil(entity))
    return KnowledgeBase(Entity(entity, entity) for entity in ids)
