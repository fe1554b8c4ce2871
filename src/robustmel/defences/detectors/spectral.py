"""Records that stand out along the main direction in which those of one label vary."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from robustmel.defences.detectors.comparing import Comparing, of_labels
from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.representations import Side, embedded, encoder_files
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention

FEWEST = 3
"""Records of a label below which nothing is said: two lie on a line, at equal distances from their mean."""


@dataclass(frozen=True)
class SpectralSignatures(Comparing):
    """Scores a record by its projection on the top singular vector of its label's records (Tran et al., 2018).

    Args:
        encoder: A dual encoder by name, whose unit vectors are the representations; the paper's is the poisoned model itself.
        side: "text", the sentence, or "image".

    Source:
        Tran, Li & Madry, "Spectral Signatures in Backdoor Attacks", NeurIPS 2018, algorithm 1.
    """

    encoder: str = "clip-world"
    side: Side = "text"

    version: ClassVar[int] = 2

    @classmethod
    def assets(cls, encoder: str, **others: Any) -> tuple[Path, ...]:
        """The files of the encoder."""
        return encoder_files(encoder)

    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """Unit vectors, NaN where a record has none."""
        return embedded(records, kb, self.encoder, self.side).astype(np.float64)

    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """The squared projection of the centred vector; NaN for labels of fewer than 3 records, and without a vector."""
        usable, suspicion = np.flatnonzero(np.isfinite(readings).all(1)).tolist(), np.full(len(labels), np.nan)
        for alike in of_labels(labels, usable, places):
            if len(alike) >= FEWEST:
                centred = readings[alike] - readings[alike].mean(0)
                suspicion[alike] = (centred @ np.linalg.svd(centred, full_matrices=False)[2][0]) ** 2
        return suspicion[list(places)]
