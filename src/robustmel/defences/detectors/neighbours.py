"""Records whose nearest neighbours have other labels."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from robustmel.defences.detectors.comparing import Comparing
from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.representations import Side, embedded, encoder_files
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.nearest import top
from robustmel.types import Mention

CHUNK = 256
"""Records compared with all others at a time."""


@dataclass(frozen=True)
class Neighbours(Comparing):
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

    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        if self.k < 1:
            raise UsageError(f"detector neighbours: k = {self.k}; expected at least 1.")

    @classmethod
    def assets(cls, encoder: str, **others: Any) -> tuple[Path, ...]:
        """The files of the encoder."""
        return encoder_files(encoder)

    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """Unit vectors, NaN where a record has none."""
        return embedded(records, kb, self.encoder, self.side)

    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """In [0, 1]; NaN for NIL, for the only record of an entity, for which neighbours say nothing, and for one without a vector."""
        named, counts = np.array([str(label) for label in labels]), Counter(labels)
        told = np.isfinite(readings).all(1)
        usable, suspicion = np.flatnonzero(told), np.full(len(labels), np.nan)
        asked = [place for place in places if told[place] and labels[place] is not None]
        for start in range(0, len(asked), CHUNK):
            part = asked[start : start + CHUNK]
            for place, cosines in zip(part, readings[part] @ readings[usable].T, strict=True):
                k = min(self.k, counts[labels[place]] - 1)
                nearest = usable[top(cosines, k + 1)]
                others = [other for other in nearest if other != place][:k]
                if others:
                    suspicion[place] = np.mean(named[others] != named[place])
        return suspicion[list(places)]
