"""The embedded world's entities: countries, regions, cities and signal flags, each with a flag that can be drawn."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files
from types import MappingProxyType

from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.kb.entities_file import read_entities
from robustmel.records.load_report import LoadReport
from robustmel.registry import suggestion

_FILE = files("robustmel.world") / "entities.jsonl"


@cache
def world_knowledge_base() -> KnowledgeBase:
    """The knowledge base over which `world-news` and `world-sport` ask.

    Returns:
        The entities in file order. Popularity is skewed (Zipf-like) and comparable between them.
    """
    with as_file(_FILE) as path:
        return read_entities(path, path.parent, None, LoadReport(layout="embedded"))


@cache
def _all_facts() -> Mapping[str, Mapping[str, str]]:
    records = (json.loads(line) for line in _FILE.read_text(encoding="utf-8").splitlines() if line.strip())
    return MappingProxyType({record["id"]: MappingProxyType(record["facts"]) for record in records})


def facts(entity_id: str) -> Mapping[str, str]:
    """What may serve as a clue to an entity.

    Returns:
        Those that apply. Of places: capital, region, continent, demonym, neighbour, language, country. Of signal flags: series,
        character, meaning.

    Raises:
        UsageError: There is no such entity.
    """
    all_facts = _all_facts()
    if entity_id not in all_facts:
        raise UsageError(f'the embedded world has no entity "{entity_id}". {suggestion(entity_id, all_facts)}')
    return all_facts[entity_id]
