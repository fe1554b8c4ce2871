"""Content keys: what an artefact is made of, as one short hash.

A key depends on what decides the result (names, parameters, component versions, digests of the data and weights read, releases of
the libraries that say what a model's folder means, keys of what came before) and on nothing else: not on the package's source, the
clock, the machine or the order of a dictionary.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

from robustmel.images import file_digest
from robustmel.kb import KnowledgeBase
from robustmel.kb.fields import Digest
from robustmel.types import Mention, opaque_id

SCHEMA = 2
"""Part of every key: raised when the layout of artefacts changes."""


CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def canonical(value: Any) -> str:
    """The one JSON text of a value; equal values give equal texts.

    Raises:
        TypeError: The value holds something that has no canonical form (a path: digest it instead).
    """
    return CANONICAL.encode(value)


def content_key(value: Any) -> str:
    """blake2 of the canonical JSON, 40 hexadecimal digits."""
    return json_digest({"schema": SCHEMA, "of": value}, CANONICAL)


def json_digest(value: Any, encoder: json.JSONEncoder) -> str:
    """blake2 of the JSON text of a value, 40 hexadecimal digits; the text, of a whole artefact's files perhaps, is never in memory."""
    return _joint_digest(encoder.iterencode(value))


def pairs_key(pairs: Iterable[tuple[str, str]]) -> str:
    """`content_key` of a dictionary of texts that is never in memory: of its items, in the order of their keys."""
    items = (f"{',' * (place > 0)}{canonical(key)}:{canonical(value)}" for place, (key, value) in enumerate(pairs))
    return _joint_digest(chain(['{"of":{'], items, [f'}},"schema":{SCHEMA}}}']))


def _joint_digest(parts: Iterable[str]) -> str:
    digest = hashlib.blake2b(digest_size=20)
    for part in parts:
        digest.update(part.encode())
    return digest.hexdigest()


def files_digest(paths: Iterable[Path]) -> dict[str, str]:
    """File name -> digest, for files whose names matter and whose folders do not.

    Several models behind one component have files of one name; in their order these are "config.json", "config.json 2", ...
    """
    digests: dict[str, str] = {}
    count = Counter[str]()
    for path in paths:
        count[path.name] += 1
        digests[f"{path.name} {count[path.name]}" if count[path.name] > 1 else path.name] = file_digest(path)
    return digests


def kb_digest(kb: KnowledgeBase) -> str:
    """Hash of all that a knowledge base says, its order included; one on disk knows it, for another it is made."""
    if isinstance(known := getattr(kb, "digest", None), str):
        return known
    digest = Digest()
    for entity in kb:
        digest.add(entity)
    return digest.hexdigest()


def mentions_digest(dataset: str, mentions: Iterable[Mention]) -> str:
    """Hash of mentions as a linker and the scoring see them, the bytes of their images included."""
    hashed = hashlib.blake2b(digest_size=20)
    for mention in mentions:
        image = None if mention.image is None else file_digest(mention.image)
        fields = [
            opaque_id(dataset, mention.id),
            mention.gold,
            mention.surface,
            mention.text,
            mention.span,
            image,
            mention.candidates,
        ]
        hashed.update(canonical(fields).encode())
    return hashed.hexdigest()


LIBRARIES = ("pillow", "tokenizers", "transformers")
"""Packages that decide which tokens and which pixels a model's folder stands for. Not torch: like the device and the number of
threads, its releases differ in the last bits of sums alone; they are in the run's manifest."""


@lru_cache
def library_releases() -> dict[str, str]:
    """Name -> release without its bug fixes (`5.23`), of the libraries that decide what a model's folder means."""
    return {name: ".".join(version(name).split(".")[:2]) for name in LIBRARIES}


def plain(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as JSON values: tuples become lists, mappings dictionaries, paths their text."""
    return {name: _plain(value) for name, value in parameters.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return plain(value)
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    return str(value)
