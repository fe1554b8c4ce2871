"""One sentence for each candidate of a query, by a ladder of ways: what does not come off falls back on the next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from robustmel.attacks.text.words import is_stop_word
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.evidence_sentences import cleaned, named, suspicious, usable_sentences
from robustmel.defences.retlink.token_budget import TokenBudget
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.evidence import Retriever
from robustmel.retrieval.word_index import words
from robustmel.types import Entity, Query, Task, Usage

Mode = Literal["none", "template", "extractive", "rewrite", "contextual", "select"]


@dataclass(frozen=True, slots=True)
class DescribedQuery:
    """A query whose candidates have sentences.

    Args:
        query: With `labels`; a candidate for which there is no sentence has none, and goes by its name.
        fallbacks: What did not come off: the ways that were taken instead of the one asked for, and the state of the descriptors.
        cut: The texts that were cut to what the linker reads.
        usage: Calls to endpoints.
    """

    query: Query
    fallbacks: tuple[str, ...] = ()
    cut: frozenset[str] = frozenset()
    usage: Usage = field(default_factory=Usage)


class CandidateSentences:
    """Writes the sentences.

    Args:
        kb: Names and descriptions of the candidates.
        linker: Who reads them: its template and token limit.
        mode: The way asked for.
        extend: Whether a sentence stands after the linker's own text of the candidate, or alone.
        retriever: Where evidence comes from.
    """

    def __init__(self, kb: KnowledgeBase, linker: Any, mode: Mode, extend: bool, retriever: Retriever) -> None:
        self._kb, self._mode, self._extend, self._retriever = kb, mode, extend, retriever
        self._sides, self._budget = getattr(linker, "text_sides", None), TokenBudget(linker)

    def of(self, query: Query, task: Task, descriptors: Descriptors) -> DescribedQuery:
        """The query with a sentence for each of its candidates.

        No candidate's sentence depends on another's evidence.

        Args:
            query: One that lists candidates.
            task: I2T reads no text, so none enters the choice of evidence.
            descriptors: What the image shows.
        """
        context = "" if task == "I2T" else cleaned(query.text)
        keywords = [*descriptors.words, *(word for word in words(context) if not is_stop_word(word))]
        entities = [self._kb[candidate] for candidate in query.listed if candidate in self._kb]
        evidence = self._retriever.retrieve(entities, keywords)
        sentences = [usable_sentences(parts, entity.description) for entity, parts in zip(entities, evidence, strict=True)]
        labels, taken, cut = dict[str, str](), set[str](), set[str]()
        for entity, choice in zip(entities, sentences, strict=True):
            mode, text, whole = next(self._ways(entity, choice), ("none", "", True))
            taken.add(mode)
            if text:
                labels[entity.id] = text
            if not whole:
                cut.add(text)
        fallbacks = sorted(taken - {self._mode}) + ([] if descriptors.status == "ok" else [f"descriptors_{descriptors.status}"])
        return DescribedQuery(
            replace(query, labels={**(query.labels or {}), **labels} or None), tuple(fallbacks), frozenset(cut)
        )

    def _ways(self, entity: Entity, sentences: Sequence[str]) -> Iterator[tuple[Mode, str, bool]]:
        """What can stand for a candidate, best first: the way, the text, and whether it is whole."""
        if self._mode == "none":
            return
        before = self._sides.label(entity.id) if self._sides is not None else entity.name
        if sentences and self._mode != "template":
            yield from self._fitted("extractive", f"{before}. " if self._extend else "", named(sentences[0], entity.name))
        if (description := cleaned(entity.description)) and not suspicious(description):
            yield from self._fitted("template", f"{before if self._extend else entity.name}, ", description)

    def _fitted(self, mode: Mode, before: str, sentence: str) -> Iterator[tuple[Mode, str, bool]]:
        text = self._budget.within(before, sentence)
        if text is not None:
            yield mode, text, len(text) == len(before) + len(sentence)
