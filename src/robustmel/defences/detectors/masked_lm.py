"""How surprised a masked language model is by the words of a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np

from robustmel.attacks.quantities import one_of
from robustmel.attacks.text.masked_lm import masked_lm
from robustmel.attacks.text.words import apart, protected_spans, words
from robustmel.defences.detectors.contract import Suspicion
from robustmel.kb import KnowledgeBase
from robustmel.linkers.weights import weight_files
from robustmel.types import Mention


@dataclass(frozen=True)
class MaskedLMSurprise:
    """Scores a record by how unlikely a masked language model finds its words (Salazar et al., 2020).

    Each token is masked alone; a word's surprise is the mean of -log p over its tokens. The mention does not count, as names are
    unlikely by nature. Words that another such model filled in are more likely than those of a writer: then the area under the
    curve lies below one half, most of all with `over = "mean"`.

    Args:
        model: A masked language model: a folder, a hub id ("distilroberta-base"), or `world:NAME`.
        over: "max", the most surprising word, or "mean", all words alike.

    Raises:
        UsageError: A value is out of its range.

    Source:
        Salazar et al., "Masked Language Model Scoring", ACL 2020, equation 1.
    """

    model: str = "world:mlm-world"
    over: Literal["max", "mean"] = "max"

    version: ClassVar[int] = 1
    by_record: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Checks the values."""
        one_of("over", self.over, "max", "mean")

    @classmethod
    def assets(cls, model: str, **others: Any) -> tuple[Path, ...]:
        """The files of the masked language model."""
        return weight_files(model)

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """In nats a token; NaN for a text without a word beside its mention."""
        distinct = list(dict.fromkeys(record.text for record in records))
        tokens = dict(zip(distinct, masked_lm(self.model).token_log_probabilities(distinct), strict=True))
        combine = np.max if self.over == "max" else np.mean
        surprises = [word_surprises(record, tokens[record.text]) for record in records]
        return np.array([combine(own) if own else np.nan for own in surprises], dtype=np.float64)


def word_surprises(record: Mention, tokens: Sequence[tuple[int, int, float]]) -> list[float]:
    """The mean of -log p over the tokens of each word that does not touch the mention; a token belongs to the word it ends in."""
    protected = protected_spans(record.query("", None), "mention") or []
    surprises = []
    for start, end in (span for span in words(record.text) if apart(span, protected)):
        own = [-log_probability for _, last, log_probability in tokens if start < last <= end]
        if own:
            surprises.append(float(np.mean(own)))
    return surprises
