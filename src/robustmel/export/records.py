"""Mentions and entities as plain records of the project's own format."""

from typing import Any

from robustmel.kb.fields import entity_fields
from robustmel.types import Entity, Mention


def mention_record(mention: Mention, image: str | None) -> dict[str, Any]:
    """A line of mentions.jsonl; keys without a value are left out, but for `gold`, where null says NIL."""
    record: dict[str, Any] = {"id": mention.id, "gold": mention.gold, "surface": mention.surface, "text": mention.text}
    more = {
        "span": mention.span and list(mention.span),
        "image": image,
        "candidates": None if mention.candidates is None else list(mention.candidates),
        "split": mention.split,
        "topic": mention.topic,
        "box": mention.box and list(mention.box),
    }
    return record | {key: value for key, value in more.items() if value is not None}


def entity_record(entity: Entity, images: list[str]) -> dict[str, Any]:
    """A line of entities.jsonl; keys without a value are left out."""
    fields = entity_fields(entity) | {"images": images}
    return {key: value for key, value in fields.items() if value or key in ("id", "name")}
