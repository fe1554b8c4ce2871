"""An entity as plain values, and one hash of all that a knowledge base says."""

import hashlib
import json
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


class Digest:
    """Hash of entities, their order included; image files are not opened. Keys of artefacts are made of it."""

    def __init__(self) -> None:
        self._hashed = hashlib.blake2b(digest_size=20)

    def add(self, entity: Entity) -> None:
        """Takes in the next entity."""
        values = [*entity_fields(entity).values(), [image.name for image in entity.images]]
        self._hashed.update(
            json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
        )

    def hexdigest(self) -> str:
        """40 hexadecimal digits."""
        return self._hashed.hexdigest()
