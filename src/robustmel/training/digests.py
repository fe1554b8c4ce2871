"""Digests of what decides a training."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from robustmel.images import file_digest


def text_digest(text: str) -> str:
    """32 hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def files_digest(paths: Iterable[Path]) -> str:
    """Of the files' bytes, in their order."""
    return text_digest("".join(map(file_digest, paths)))


def tokenizer_digest(tokenizer: Any) -> str:
    """Of the tokens and their ids."""
    return text_digest(json.dumps(tokenizer.get_vocab(), sort_keys=True))
