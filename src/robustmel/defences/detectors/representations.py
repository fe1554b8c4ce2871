"""Records as unit vectors, by a linker that embeds texts and images into one space."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import normalize

from robustmel.errors import ImageError, UsageError
from robustmel.images import decode
from robustmel.kb import KnowledgeBase
from robustmel.linkers import LINKERS
from robustmel.types import Mention

Side = Literal["text", "image"]

BATCH = 64
"""Images embedded at a time."""


def encoder_files(encoder: str) -> tuple[Path, ...]:
    """The files that decide the vectors."""
    loaded: Any = LINKERS.load(encoder)
    files: tuple[Path, ...] = loaded.assets(**LINKERS.parameters(encoder)) if hasattr(loaded, "assets") else ()
    return files


def modified(encoder: str) -> tuple[tuple[Path, int], ...]:
    """The state that these files are in, for `loaded`."""
    return tuple((file, file.stat().st_mtime_ns) for file in encoder_files(encoder))


@lru_cache(maxsize=1)
def loaded(encoder: str, kb: KnowledgeBase, files: tuple[tuple[Path, int], ...]) -> Any:
    """The linker, loaded once for each state its files are in: an attack comes back to it."""
    return LINKERS.create(encoder, kb)


def embedded(records: Sequence[Mention], kb: KnowledgeBase, encoder: str, side: Side) -> NDArray[np.float32]:
    """float32 (N, D): unit vectors of the sentences, or of the images; NaN where a record has none that can be used.

    Raises:
        UsageError: The linker has no such vectors.
    """
    linker = loaded(encoder, kb, modified(encoder))
    if not hasattr(linker, "embed_texts") or not hasattr(linker, "image_features"):
        raise UsageError(f'encoder = "{encoder}" embeds no records; name a dual encoder, such as "clip-world".')
    if side == "text":
        usable = [place for place, record in enumerate(records) if record.text.strip()]
        vectors = linker.embed_texts([records[place].text for place in usable]) if usable else torch.zeros(0, 1)
    else:
        usable, vectors = _pictures(records, linker)
    table = np.full((len(records), vectors.shape[1]), np.nan, np.float32)
    table[usable] = vectors.numpy(force=True)
    return table


@torch.no_grad()
def _pictures(records: Sequence[Mention], linker: Any) -> tuple[list[int], torch.Tensor]:
    usable, rows, pending = list[int](), list[torch.Tensor](), list[NDArray[np.uint8]]()

    def embed() -> None:
        if pending:
            pixels = linker.preprocessing.pictures(pending).to(linker.device)
            features = normalize(linker.image_features(linker.model, pixels), dim=-1)
            rows.append(features if features.ndim == 2 else features.mean(1))
            pending.clear()

    for place, record in enumerate(records):
        try:
            pending.append(decode(record.image)) if record.image is not None else None
        except ImageError:
            continue
        usable += [place] * (record.image is not None)
        if len(pending) == BATCH:
            embed()
    embed()
    return usable, torch.cat(rows) if rows else torch.zeros(0, 1)
