"""Records whose words are unusual for what is written about their entity."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from robustmel.defences.context_labels import contexts, label_assets
from robustmel.defences.context_profiles import ContextProfiles
from robustmel.defences.detectors.comparing import Comparing
from robustmel.defences.detectors.contract import Suspicion
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class ContextProfile(Comparing):
    """Scores a record by how unlikely its words are in the other contexts of its entity (Zhai & Lafferty, 2004).

    An entity's profile is the distribution of the words around its other mentions, drawn towards that of all records by a Dirichlet
    prior, so that little is concluded from little. The mention itself and English function words do not count. With `labels` the
    profile is of types, topics and sentiments in place of words, as a sentence encoder tells them (`context_labels`).

    Args:
        labels: The sentence encoder that labels texts: a folder, a hub id or `world:NAME`; "" looks at words.
        prior: Words that the prior is worth; a text has three labels.
        fewest: Records of an entity below which nothing is said.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Zhai & Lafferty, "A Study of Smoothing Methods for Language Models Applied to Information Retrieval", 2004, section 3.2, for
        the Dirichlet prior; the labels are those of Maley & Jadhav, "Poisoning attempts on Multimodal Entity Linking model", 2024.
    """

    labels: str = ""
    prior: float = 50.0
    fewest: int = 4

    version: ClassVar[int] = 2

    def __post_init__(self) -> None:
        """Checks the values."""
        if self.prior <= 0 or self.fewest < 2:
            raise UsageError(
                f"detector context-profile: prior = {self.prior}, fewest = {self.fewest}; expected above 0 and at least 2."
            )

    @classmethod
    def assets(cls, labels: str = "", **others: Any) -> tuple[Path, ...]:
        """The files that decide the labels."""
        return label_assets(labels)

    def readings(self, records: Sequence[Mention], kb: KnowledgeBase) -> Any:
        """The words around each mention, or the labels."""
        return contexts([record.query("", None) for record in records], self.labels)

    def compared(self, readings: Any, labels: Sequence[str | None], places: Sequence[int]) -> Suspicion:
        """The mean of -log p(word) given all other records; NaN for NIL, for entities of few records, and where no word counts."""
        profiles = ContextProfiles(readings, labels, self.prior)
        told = [
            profiles.surprise(readings[place], labels[place], seen=True)
            if labels[place] is not None and readings[place] and profiles.records[labels[place]] >= self.fewest
            else np.nan
            for place in places
        ]
        return np.array(told, dtype=np.float64)
