"""Records whose image and sentence do not go together."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from robustmel.defences.detectors.comparing import Comparing
from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.representations import embedded, encoder_files
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class ImageTextMismatch(Comparing):
    """Scores a record by how far its sentence lies from its image (Luo et al., 2021).

    Args:
        encoder: A dual encoder by name; it should have been trained on data that one trusts.

    Source:
        Luo, Darrell & Rohrbach, "NewsCLIPpings: Automatic Generation of Out-of-Context Multimodal Media", EMNLP 2021, whose detectors
        compare the two by CLIP.
    """

    encoder: str = "clip-world"

    version: ClassVar[int] = 1

    @classmethod
    def assets(cls, encoder: str, **others: Any) -> tuple[Path, ...]:
        """The files of the encoder."""
        return encoder_files(encoder)

    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """The cosine, negated; NaN for a record without a sentence or without an image that can be used."""
        images = embedded(records, kb, self.encoder, "image")
        texts = embedded(records, kb, self.encoder, "text")
        cosines: Suspicion = (images.astype(np.float64) * texts).sum(1)
        return -cosines

    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """The readings: what is compared is a record's image with its own sentence."""
        alone: Suspicion = readings[list(places)]
        return alone
