"""Records that are out of place in several respects at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from scipy.stats import rankdata

from robustmel.defences.detectors.comparing import Comparing
from robustmel.defences.detectors.context_profile import ContextProfile
from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.image_text import ImageTextMismatch
from robustmel.defences.detectors.masked_lm import MaskedLMSurprise
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class Incongruence(Comparing):
    """Scores a record by its context, its words and its image together, the poisoning paper's context mapping (Maley & Jadhav, 2024).

    The paper names the idea alone. Here three detectors rank the records: `context-profile`, `masked-lm` and `image-text`.

    Args:
        model: The masked language model.
        encoder: The dual encoder that compares image and sentence.
        labels: The sentence encoder by which `context-profile` looks at types, topics and sentiments; "" looks at words.

    Source:
        Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024, its section on defences; the score is this project's.
    """

    model: str = "world:mlm-world"
    encoder: str = "clip-world"
    labels: str = ""

    version: ClassVar[int] = 2

    @classmethod
    def assets(cls, model: str, encoder: str, labels: str = "", **others: Any) -> tuple[Path, ...]:
        """The files of the models."""
        return (*MaskedLMSurprise.assets(model), *ImageTextMismatch.assets(encoder), *ContextProfile.assets(labels))

    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """What `context-profile` reads of each, how surprising `masked-lm` finds it, and how far its image lies from its sentence."""
        contexts = ContextProfile(self.labels).readings(records, kb)
        surprises = MaskedLMSurprise(self.model).scores(records, kb).tolist()
        return list(zip(contexts, surprises, ImageTextMismatch(self.encoder).scores(records, kb).tolist(), strict=True))

    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """The mean, over the detectors that say something of a record, of the share of records less suspicious to them; NaN where none does."""
        contexts, surprises, distances = ([reading[part] for reading in readings] for part in range(3))
        unusual = ContextProfile(self.labels).compared(contexts, labels, range(len(labels)))
        shares = np.array([_shares(scores) for scores in (unusual, np.array(surprises), np.array(distances))])
        told = np.isfinite(shares).sum(0)
        with np.errstate(invalid="ignore"):  # 0 / 0 where none says anything
            mean: Suspicion = np.nansum(shares, 0) / told
        return mean[list(places)]


def _shares(scores: Suspicion) -> Suspicion:
    """The share of the others below each score, ties counted half, in [0, 1]; NaN stays."""
    ranks = rankdata(scores, nan_policy="omit")
    shares: Suspicion = (ranks - 1) / max(np.isfinite(scores).sum() - 1, 1)
    return shares
