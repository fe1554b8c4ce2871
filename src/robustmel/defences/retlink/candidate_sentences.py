"""One sentence for each candidate of a query, by a ladder of ways: what does not come off falls back on the next."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

from robustmel.attacks.text.words import is_stop_word
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.evidence_sentences import cleaned, named, suspicious, unsuspicious, usable_sentences
from robustmel.defences.retlink.language_model_sentences import Draft, Writer
from robustmel.defences.retlink.token_budget import TokenBudget
from robustmel.kb import KnowledgeBase
from robustmel.retrieval.evidence import Evidence, Retriever
from robustmel.retrieval.word_index import words
from robustmel.types import Entity, Query, Task, Usage

Mode = Literal["none", "template", "extractive", "rewrite", "contextual", "select", "contextual-batched", "select-batched"]


@dataclass(frozen=True, slots=True)
class CandidateSentence:
    """What stands for one candidate, and how it came about.

    Args:
        entity: Its id.
        text: What the linker reads in place of its own text; "" leaves that.
        mode: The way that came off.
        fault: Why the language model's sentence may not be used; "" where it is, or none was asked for.
        whole: Whether nothing of it was cut to the linker's limit.
        evidence: The first twelve digits of the SHA-256 of each passage that was retrieved.
        left_out: Sentences of these passages that address their reader, and were shown to nobody.
    """

    entity: str
    text: str
    mode: Mode
    fault: str = ""
    whole: bool = True
    evidence: tuple[str, ...] = ()
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class DescribedQuery:
    """A query whose candidates have sentences.

    Args:
        query: With `labels`; a candidate for which there is no sentence has none, and goes by its name.
        sentences: One a candidate, in order.
        fallbacks: What did not come off: the ways that were taken instead of the one asked for and why, the state of the
            descriptors, and "retrieval" where evidence could not be fetched.
        usage: What it cost this query alone.
        descriptors: What the image was said to show.
    """

    query: Query
    sentences: tuple[CandidateSentence, ...] = ()
    fallbacks: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    descriptors: tuple[str, ...] = ()

    def line(self) -> str:
        """How it came about, as one JSON object: the same evidence and replies give the same bytes."""
        sentences = [asdict(sentence) for sentence in self.sentences]
        told = {"query": self.query.id, "sentences": sentences, "fallbacks": self.fallbacks, "usage": asdict(self.usage)}
        return json.dumps(told, ensure_ascii=False, sort_keys=True)

    @property
    def digests(self) -> tuple[str, ...]:
        """Eight hexadecimal digits for the text of each sentence: enough to see whether it changed."""
        return tuple(
            hashlib.blake2b(part.text.encode("utf-8", "replace"), digest_size=4).hexdigest() for part in self.sentences
        )

    @property
    def cut(self) -> frozenset[str]:
        """The texts that were cut to what the linker reads."""
        return frozenset(sentence.text for sentence in self.sentences if not sentence.whole)


class Material(NamedTuple):
    """What there is about one candidate: `shown` is what a language model reads of `usable` and `description`."""

    entity: Entity
    usable: Sequence[str]
    description: str
    shown: Sequence[str]
    digests: tuple[str, ...]
    left_out: int


class CandidateSentences:
    """Writes the sentences.

    Args:
        kb: Names and descriptions of the candidates.
        linker: Who reads them: its template and token limit.
        mode: The way asked for.
        extend: Whether a sentence stands after the linker's own text of the candidate, or alone.
        retriever: Where evidence comes from.
        writer: Of the modes that ask a language model.
    """

    def __init__(
        self, kb: KnowledgeBase, linker: Any, mode: Mode, extend: bool, retriever: Retriever, writer: Writer | None = None
    ) -> None:
        self._kb, self._mode, self._extend, self._retriever, self._writer = kb, mode, extend, retriever, writer
        self._sides, self._budget = getattr(linker, "text_sides", None), TokenBudget(linker)

    def of(self, query: Query, task: Task, descriptors: Descriptors) -> DescribedQuery:
        """The query with a sentence for each of its candidates.

        No candidate's sentence depends on another's evidence, but in the batched modes.

        Args:
            query: One that lists candidates.
            task: I2T reads no text, so none enters the choice of evidence.
            descriptors: What the image shows.
        """
        context = "" if task == "I2T" else unsuspicious(query.text)
        keywords = [*descriptors.words, *(word for word in words(context) if not is_stop_word(word))]
        entities = [self._kb[candidate] for candidate in query.listed if candidate in self._kb]
        unanswered = getattr(self._retriever, "unanswered", 0)
        evidence = self._retriever.retrieve(entities, [] if self._mode == "rewrite" else keywords)
        lost = ("retrieval",) if getattr(self._retriever, "unanswered", 0) > unanswered else ()

        materials = [self._material(*about) for about in zip(entities, evidence, strict=True)]
        budget, drafts = self._budget.shared_by(len(entities)), [Draft()] * len(materials)
        if self._writer is not None:
            about = [(own.entity, own.shown) for own in materials]
            drafts = self._writer.drafts(about, descriptors, context, budget.words, query.seed)
        sentences = tuple(self._sentence(own, draft, budget) for own, draft in zip(materials, drafts, strict=True))
        labels = {part.entity: part.text for part in sentences if part.text}
        described = replace(query, labels={**(query.labels or {}), **labels} or None)
        return DescribedQuery(
            described,
            sentences,
            (*self._fallbacks(sentences, descriptors), *lost),
            sum((draft.usage for draft in drafts), descriptors.usage),
            descriptors.words,
        )

    def _fallbacks(self, sentences: Sequence[CandidateSentence], descriptors: Descriptors) -> tuple[str, ...]:
        ways = sorted({part.mode for part in sentences} - {self._mode})
        faults = sorted({f"{self._mode}_{part.fault}" for part in sentences if part.fault})
        return (*ways, *faults, *([] if descriptors.status == "ok" else [f"descriptors_{descriptors.status}"]))

    def _material(self, entity: Entity, evidence: Sequence[Evidence]) -> Material:
        usable, left_out = usable_sentences(evidence, entity.description)
        description = cleaned(entity.description)
        if suspicious(description):
            description, left_out = "", left_out + 1
        shown = [*usable, description] if description and (not self._mode.startswith("select") or not usable) else usable
        return Material(entity, usable, description, shown, tuple(part.digest[:12] for part in evidence), left_out)

    def _sentence(self, own: Material, draft: Draft, budget: TokenBudget) -> CandidateSentence:
        """What stands for a candidate, from itself and its own evidence alone."""
        mode, text, whole = next(self._ways(own, draft.text, budget), ("none", "", True))
        why = draft.fault or ("budget" if draft.text and mode != self._mode else "")
        return CandidateSentence(own.entity.id, text, mode, why, whole, own.digests, own.left_out)

    def _ways(self, own: Material, written: str, budget: TokenBudget) -> Iterator[tuple[Mode, str, bool]]:
        """What can stand for a candidate, best first: the way, the text, and whether it is whole."""
        if self._mode == "none":
            return
        name = own.entity.name
        before = self._sides.label(own.entity.id) if self._sides is not None else name
        opening = f"{before}. " if self._extend else ""
        ways: list[tuple[Mode, str, str]] = [(self._mode, opening, written)] if written else []
        if own.usable and self._mode != "template":
            ways.append(("extractive", opening, named(own.usable[0], name)))
        if own.description:
            ways.append(("template", f"{before if self._extend else name}, ", own.description))
        for mode, start, sentence in ways:
            text = budget.within(start, sentence)
            if text is not None:
                yield mode, text, len(text) == len(start) + len(sentence)
