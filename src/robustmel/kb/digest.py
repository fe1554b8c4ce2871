"""One hash of all that a knowledge base says."""

from __future__ import annotations

import hashlib
import json

from robustmel.types import Entity


class Digest:
    """Hash of entities, their order included; image files are not opened. Keys of artefacts are made of it."""

    def __init__(self) -> None:
        self._hashed = hashlib.blake2b(digest_size=20)

    def add(self, entity: Entity) -> None:
        """Takes in the next entity."""
        fields = [entity.id, entity.name, entity.aliases, entity.qid, entity.description, entity.text, entity.type]
        said = [*fields, entity.popularity, [image.name for image in entity.images]]
        self._hashed.update(
            json.dumps(said, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False).encode()
        )

    def hexdigest(self) -> str:
        """40 hexadecimal digits."""
        return self._hashed.hexdigest()
