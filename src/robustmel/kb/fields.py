"""An entity as plain values, its images left out: where those lie is for each format to say."""

from __future__ import annotations

from typing import Any

from robustmel.types import Entity


def entity_fields(entity: Entity) -> dict[str, Any]:
    """Every field but `images`, in the order of the own data format; aliases as a list."""
    return {
        "id": entity.id,
        "name": entity.name,
        "aliases": list(entity.aliases),
        "qid": entity.qid,
        "description": entity.description,
        "text": entity.text,
        "type": entity.type,
        "popularity": entity.popularity,
    }
