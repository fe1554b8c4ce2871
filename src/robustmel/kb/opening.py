"""A knowledge base from wherever it lies: a folder made by `robustmel kb build`, or a file of entities."""

from __future__ import annotations

from pathlib import Path

from robustmel.errors import MissingError
from robustmel.kb.knowledge_base import KnowledgeBase
from robustmel.kb.stored import ABOUT, StoredKnowledgeBase


def open_kb(path: Path) -> KnowledgeBase:
    """Opens a folder with a stored knowledge base, or reads an entities.jsonl (or the folder of one).

    Raises:
        MissingError: There is neither; the sentence says what was looked for.
    """
    from robustmel.datasets.dataset import LoadReport
    from robustmel.datasets.entities import read_entities

    if (path / ABOUT).is_file():
        return StoredKnowledgeBase(path)
    file = path / "entities.jsonl" if path.is_dir() else path
    if not file.is_file():
        raise MissingError(
            f"no knowledge base at {path}: expected a folder that `robustmel kb build` made, or an entities.jsonl"
            " (docs/data-format.md)."
        )
    return read_entities(file, file.parent, None, LoadReport("entities"))
