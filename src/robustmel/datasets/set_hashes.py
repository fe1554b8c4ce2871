"""What a published perturbed set is known by: two hashes, one of all of it and one of what is asked in it."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from robustmel.errors import MissingError


class SetHashes(NamedTuple):
    """The hashes of a published set; whoever predicts on it writes one of them into the file.

    Args:
        set: Of the mentions, the knowledge base and every image: for predictions on the perturbed images.
        clean_set: Of the mentions as they were, without their images, and the knowledge base: for predictions on the unperturbed
            set, and equal for every attack on the same mentions and candidates.
    """

    set: str
    clean_set: str


def set_hashes(folder: Path, images: Mapping[str, str], modality: str = "image") -> SetHashes:
    """Computes the hashes from the text files of a set.

    Args:
        folder: With `mentions.jsonl` and `entities.jsonl`.
        images: File name -> digest of each image.
        modality: Of the attack; one on texts left the old ones in `clean/mentions.jsonl`.

    Raises:
        MissingError: One of the two cannot be read.
    """
    try:
        mentions, entities = ((folder / name).read_bytes() for name in ("mentions.jsonl", "entities.jsonl"))
        clean = (folder / "clean" / "mentions.jsonl").read_bytes() if modality == "text" else mentions
        asked = [json.loads(line) for line in clean.splitlines() if line.strip()]
        bare = [{key: value for key, value in row.items() if key != "image"} for row in asked]
    except (OSError, ValueError, AttributeError) as problem:
        raise MissingError(f"{folder} is not a published set: {problem}; expected what robustmel perturb writes.") from problem
    return SetHashes(_digest(mentions, entities, _bytes(dict(images))), _digest(_bytes(bare), entities))


def _bytes(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _digest(*parts: bytes) -> str:
    hashed = hashlib.blake2b(digest_size=16)
    for part in parts:
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.hexdigest()
