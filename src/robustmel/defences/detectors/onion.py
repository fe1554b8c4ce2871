"""ONION: words whose removal makes a text more fluent."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from robustmel.attacks.text.words import apart, protected_spans, words
from robustmel.defences.detectors.contract import Suspicion
from robustmel.defences.detectors.perplexity import CausalLMDetector, log_perplexities
from robustmel.kb import KnowledgeBase
from robustmel.types import Mention


@dataclass(frozen=True)
class ONION(CausalLMDetector):
    """Scores a record by the word whose removal lowers the text's perplexity most (ONION; Qi et al., 2021).

    The mention is never removed: names are rare words by nature, and no attack of the default protection edits them. Perplexities
    are compared by their logarithms, so that long and short texts are on one scale; each is a mean over a text's own tokens.

    Args:
        language_model: A folder in the Hugging Face layout, a hub id or `world:NAME`; the paper's is "gpt2".
        device: Where it runs.

    Source:
        Qi et al., "ONION: A Simple and Effective Defense Against Textual Backdoor Attacks", EMNLP 2021, equation 1.
    """

    def scores(self, records: Sequence[Mention], kb: KnowledgeBase) -> Suspicion:
        """Log perplexity(text) - log perplexity(text without a word), at its largest; NaN where no word can be removed."""
        shorter = [list(without_a_word(record)) for record in records]
        texts = [record.text for record in records]
        known = log_perplexities([*texts, *(text for part in shorter for text in part)], self.language_model, self.device)
        whole, rest = known[: len(texts)], np.split(known[len(texts) :], np.cumsum([len(part) for part in shorter]))[:-1]
        return np.array([own - min(others, default=np.nan) for own, others in zip(whole, rest, strict=True)], dtype=np.float64)


def without_a_word(record: Mention) -> list[str]:
    """The text once without each word that does not touch the mention, and without one space before it or else after it."""
    text = record.text
    protected = protected_spans(record.query("", None), "mention") or []
    shorter = []
    for start, end in words(text):
        if apart((start, end), protected):
            before, after = text[:start], text[end:]
            shorter.append(before[:-1] + after if before.endswith(" ") else before + after.removeprefix(" "))
    return [other for other in shorter if other.strip()]
