"""Records whose words are unusual for what is written about their entity."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from robustmel.attacks.text.words import apart, is_stop_word, protected_spans, words
from robustmel.defences.detectors.contract import Suspicion
from robustmel.errors import UsageError
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class ContextProfile:
    """Scores a record by how unlikely its words are in the other contexts of its entity (Zhai & Lafferty, 2004).

    An entity's profile is the distribution of the words around its other mentions, drawn towards that of all records by a Dirichlet
    prior, so that little is concluded from little. The mention itself and English function words do not count.

    Args:
        prior: Words that the prior is worth.
        fewest: Records of an entity below which nothing is said.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Zhai & Lafferty, "A Study of Smoothing Methods for Language Models Applied to Information Retrieval", 2004, section 3.2, for
        the Dirichlet prior.
    """

    prior: float = 50.0
    fewest: int = 4

    version: ClassVar[int] = 1

    def __post_init__(self) -> None:
        """Checks the values."""
        if self.prior <= 0 or self.fewest < 2:
            raise UsageError(
                f"detector context-profile: prior = {self.prior}, fewest = {self.fewest}; expected above 0 and at least 2."
            )

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """The mean of -log p(word) given all other records; NaN for entities of few records, and where no word counts."""
        contexts = [Counter(context_words(record)) for record in records]
        everywhere, profiles = Counter[str](), defaultdict[str | None, Counter[str]](Counter)
        for record, own in zip(records, contexts, strict=True):
            everywhere.update(own)
            profiles[record.gold].update(own)
        total, sizes = everywhere.total(), Counter(record.gold for record in records)
        totals = {gold: profile.total() for gold, profile in profiles.items()}
        kinds = len(everywhere) + 1  # one for all words never met

        def surprise(place: int) -> float:
            own, gold = contexts[place], records[place].gold
            if sizes[gold] < self.fewest or not own:
                return np.nan
            mass, lost = own.total(), 0.0
            for word, count in own.items():
                background = (everywhere[word] - count + 1) / (total - mass + kinds)
                chance = (profiles[gold][word] - count + self.prior * background) / (totals[gold] - mass + self.prior)
                lost -= count * np.log(chance)
            return lost / mass

        return np.array([surprise(place) for place in range(len(records))], dtype=np.float64)


def context_words(record: Mention) -> list[str]:
    """The folded words of a record's text that are neither its mention nor English function words."""
    protected = protected_spans(record.query("", None), "mention") or []
    outside = (record.text[slice(*span)] for span in words(record.text) if apart(span, protected))
    return [word.casefold() for word in outside if not is_stop_word(word)]
