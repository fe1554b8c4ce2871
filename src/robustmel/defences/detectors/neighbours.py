"""Records whose nearest neighbours have other labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.representations import Side, embedded, encoder_files
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.nearest import top
from robustmel.types import Mention

CHUNK = 256
"""Records compared with all others at a time."""


@dataclass(frozen=True)
class Neighbours:
    """Scores a record by the share of its nearest neighbours that have another label (deep k-NN; Peri et al., 2020).

    Args:
        encoder: A dual encoder by name, whose unit vectors are compared; it should have been trained on data that one trusts.
        side: "text", the sentence, or "image".
        k: Neighbours looked at; of an entity with fewer other records, as many as it has.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Peri et al., "Deep k-NN Defense Against Clean-Label Data Poisoning Attacks", ECCV Workshops 2020.
    """

    encoder: str = "clip-world"
    side: Side = "text"
    k: int = 10

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"detector neighbours: k = {self.k}; expected at least 1.")

    @classmethod
    def assets(cls, encoder: str, **others: Any) -> tuple[Path, ...]:
        """The files of the encoder."""
        return encoder_files(encoder)

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """In [0, 1]; NaN for the only record of an entity, for which neighbours say nothing, and for one without a vector."""
        vectors = embedded(records, kb, self.encoder, self.side)
        labels, counts = np.array([str(record.gold) for record in records]), Counter(record.gold for record in records)
        usable = np.flatnonzero(np.isfinite(vectors).all(1))
        suspicion = np.full(len(records), np.nan)
        for start in range(0, len(usable), CHUNK):
            part = usable[start : start + CHUNK]
            for place, cosines in zip(part, vectors[part] @ vectors[usable].T, strict=True):
                k = min(self.k, counts[records[place].gold] - 1)
                nearest = usable[top(cosines, k + 1)]
                others = [other for other in nearest if other != place][:k]
                if others:
                    suspicion[place] = np.mean(labels[others] != labels[place])
        return suspicion
