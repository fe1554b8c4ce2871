"""What is usually written around mentions of an entity."""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Self

from robustmel.attacks.text.words import apart, is_stop_word, protected_spans, words
from robustmel.types import Mention, Query

Context = Counter[str]
"""The folded words of a text that are neither its mention nor English function words, and how often each is there.

Where a sentence encoder is named, labels and their shares stand in place of words: see `context_labels`."""


def context(query: Query) -> Context:
    """Of a query's text."""
    protected = protected_spans(query, "mention") or []
    outside = (query.text[slice(*span)] for span in words(query.text) if apart(span, protected))
    return Counter(word.casefold() for word in outside if not is_stop_word(word))


class ContextProfiles:
    """For each entity the distribution of the words around its mentions, drawn towards that of all by a Dirichlet prior.

    Args:
        contexts: One a record.
        golds: Of each the entity.
        prior: Words that the prior is worth.

    Source:
        Zhai & Lafferty, "A Study of Smoothing Methods for Language Models Applied to Information Retrieval", 2004, section 3.2.
    """

    def __init__(self, contexts: Sequence[Context], golds: Sequence[str | None], prior: float) -> None:
        self.prior, self.everywhere = prior, Counter[str]()
        self._words = defaultdict[str | None, Counter[str]](Counter)
        for own, gold in zip(contexts, golds, strict=True):
            self.everywhere.update(own)
            self._words[gold].update(own)
        self._total, self.records = self.everywhere.total(), Counter(golds)
        self._totals = {gold: profile.total() for gold, profile in self._words.items()}
        self._kinds = len(self.everywhere) + 1  # one for all words never met

    @classmethod
    def of(cls, mentions: Sequence[Mention], prior: float, read: Callable[[Sequence[Query]], list[Context]]) -> Self:
        """Those of mentions; `read` tells their contexts."""
        contexts = read([mention.query("", None) for mention in mentions])
        return cls(contexts, [mention.gold for mention in mentions], prior)

    def usual_surprise(self, own: Context) -> float:
        """The mean of -log p(word) around any mention."""
        return _mean_surprise(own, self._background(own, False))

    def surprise(self, own: Context, gold: str | None, seen: bool = False) -> float:
        """The mean of -log p(word) around mentions of an entity; `seen` leaves the context itself out, where it is one of the records."""
        profile, background = self._words.get(gold, Counter[str]()), self._background(own, seen)
        total = self._totals.get(gold, 0) - seen * own.total() + self.prior
        return _mean_surprise(
            own, {word: (profile[word] - seen * count + self.prior * background[word]) / total for word, count in own.items()}
        )

    def _background(self, own: Context, seen: bool) -> dict[str, float]:
        size = self._total - seen * own.total() + self._kinds
        return {word: (self.everywhere[word] - seen * count + 1) / size for word, count in own.items()}


def _mean_surprise(own: Context, chances: dict[str, float]) -> float:
    return -sum(count * math.log(chances[word]) for word, count in own.items()) / own.total()
