"""Embeddings of the demonstrations, kept beside them: a pool of thousands is not embedded at every start."""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import normalize

from robustmel.errors import MissingError

EMBEDDINGS = "demo_embeddings.safetensors"


@dataclass(frozen=True)
class DemoEmbeddings:
    """Unit vectors of the texts by which demonstrations are compared with queries.

    Args:
        vectors: float32 (n, D): distinct ones. Products of equal numbers may differ in their last bit, and equal texts must tie.
        rows: int64 (N,): which of them is that of each demonstration.
        compared: "mention" or "sentence".
        encoder: Digest of the files of what embedded them.
        texts: Digest of the texts.
    """

    vectors: Tensor
    rows: Tensor
    compared: str
    encoder: str
    texts: str

    @classmethod
    def of(cls, texts: Sequence[str], embed: Callable[[Sequence[str]], Tensor], compared: str, encoder: str) -> Self:
        """Embeds N texts."""
        vectors = normalize(embed(texts), dim=-1).float().cpu()
        places: dict[bytes, int] = {}
        rows = [places.setdefault(vector.tobytes(), len(places)) for vector in vectors.numpy()]
        first = {row: index for index, row in reversed(list(enumerate(rows)))}
        distinct = vectors[[first[row] for row in range(len(places))]]
        return cls(distinct, torch.tensor(rows), compared, encoder, digest_of(texts))

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What `write` left in a folder; None where it left nothing.

        Raises:
            MissingError: The file is damaged.
        """
        file = folder / EMBEDDINGS
        if not file.is_file():
            return None
        try:
            with safe_open(file, framework="pt") as opened:
                facts = (opened.metadata() or {}).get("about", "{}")
                read = cls(opened.get_tensor("vectors"), opened.get_tensor("rows"), **json.loads(facts))
            if (
                read.vectors.ndim != 2
                or read.rows.ndim != 1
                or not bool(((read.rows >= 0) & (read.rows < len(read.vectors))).all())
            ):
                raise ValueError("its rows name vectors that are not there")
        except (SafetensorError, ValueError, TypeError) as problem:
            raise MissingError(f"{file} cannot be read: {problem}. Remove it to embed the demonstrations anew.") from problem
        return read

    def check(self, texts: Sequence[str], folder: Path) -> None:
        """Compares them with the demonstrations that lie beside them.

        Raises:
            MissingError: They are those of other texts.
        """
        if len(self.rows) != len(texts) or self.texts != digest_of(texts):
            raise MissingError(
                f"{folder / EMBEDDINGS} has {len(self.rows)} rows of other texts than the {len(texts)} demonstrations beside it; remove "
                "it to embed them anew."
            )

    def write(self, folder: Path) -> None:
        """Writes the file."""
        facts = json.dumps({"compared": self.compared, "encoder": self.encoder, "texts": self.texts})
        metadata = {"about": facts}  # the library writes several entries in any order
        save_file({"vectors": self.vectors.contiguous(), "rows": self.rows}, folder / EMBEDDINGS, metadata=metadata)


def digest_of(texts: Sequence[str]) -> str:
    """Of texts in their order."""
    digest = hashlib.blake2b(digest_size=16)
    for text in texts:
        digest.update(text.encode("utf-8", "replace") + b"\x00")
    return digest.hexdigest()
