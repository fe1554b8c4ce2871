"""Sentences about candidates by a language model, each from its own evidence alone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from robustmel.at_once import at_once
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.evidence_sentences import cleaned, named
from robustmel.defences.retlink.reply_check import fault, first_sentence
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.chat.reply_parser import chosen
from robustmel.linkers.chat.service import ChatError, Reply
from robustmel.types import Entity, Usage

Written = Literal["rewrite", "contextual", "select", "contextual-batched", "select-batched"]
"""The modes that ask a language model: of the entity alone (M3), in view of the mention (M4), for the best sentence's number (M5).

The batched ones ask about all candidates of a mention at once: `batched_sentences`.
"""


class LanguageModel(Protocol):
    """Answers one question; equal questions may be answered from memory."""

    def reply(self, system: str, user: str, seed: int) -> Reply:
        """What it writes.

        Args:
            system: What it is to do.
            user: What that is to be done with.
            seed: Of its draws, where it draws.

        Raises:
            ChatError: There is no reply.
        """
        ...


@dataclass(frozen=True, slots=True)
class Draft:
    """What came of asking.

    Args:
        text: The sentence; "" where there is none that may be used.
        fault: Why there is none: the reply's status ("refused"), the error's kind ("timeout"), or what `reply_check.fault` says.
        usage: What it cost this mention; nothing with "rewrite", whose sentences all mentions share.
    """

    text: str = ""
    fault: str = ""
    usage: Usage = field(default_factory=Usage)


About = tuple[Entity, Sequence[str]]
"""A candidate, and cleaned sentences about it, its description among them."""


class Writer(Protocol):
    """Asks a language model about the candidates of a mention."""

    def drafts(self, about: Sequence[About], descriptors: Descriptors, context: str, most: int, seed: int) -> list[Draft]:
        """What came of it, one a candidate; see `SentenceWriter.draft`."""
        ...


class SentenceWriter:
    """Asks for one candidate at a time: the model never reads of two, so that what stands in one's page cannot reach another.

    Args:
        model: Whom it asks.
        mode: What it asks for.
        prompt: With a question for each mode.
        in_flight: Candidates about which it asks at the same time.
    """

    def __init__(self, model: LanguageModel, mode: Written, prompt: Prompt, in_flight: int = 1) -> None:
        self._model, self._mode, self._question, self._in_flight = model, mode, prompt.ask[mode].strip(), in_flight

    def drafts(self, about: Sequence[About], descriptors: Descriptors, context: str, most: int, seed: int) -> list[Draft]:
        """See `Writer`."""
        return list(at_once(lambda own: self.draft(*own, descriptors, context, most, seed), about, self._in_flight))

    def draft(
        self, entity: Entity, evidence: Sequence[str], descriptors: Descriptors, context: str, most: int, seed: int
    ) -> Draft:
        """A sentence about a candidate.

        Args:
            entity: The candidate.
            evidence: Cleaned sentences about it, and its description; nobody is asked without any.
            descriptors: What the image shows; "rewrite" does not read it.
            context: The mention's text; likewise.
            most: Words of the sentence.
            seed: Of the model's draws.
        """
        if not evidence:
            return Draft(fault="no_evidence")
        try:
            reply = self._model.reply(
                self._question.replace("{words}", str(most)), self._asked(entity, evidence, descriptors, context), seed
            )
        except ChatError as problem:
            return Draft(fault=str(problem).partition(":")[0])
        usage = Usage() if self._mode == "rewrite" else Usage(1, reply.tokens_read, reply.tokens_written)
        if reply.status != "ok":
            return Draft(fault=reply.status, usage=usage)
        return drafted(reply.text, entity, evidence, most, self._mode == "select", usage)

    def _asked(self, entity: Entity, evidence: Sequence[str], descriptors: Descriptors, context: str) -> str:
        """JSON, so that no text can pass for another part; what has no order stands in one order, so that equal questions are equal."""
        listed = {str(number): text for number, text in enumerate(evidence, 1)} if self._mode == "select" else list(evidence)
        asked: dict[str, object] = {"ENTITY": cleaned(entity.name), "EVIDENCE": listed}
        if self._mode != "rewrite":
            asked |= {"DESCRIPTORS": sorted(descriptors.words), "CONTEXT": context}
        return json.dumps(asked, ensure_ascii=False)


def drafted(written: str, entity: Entity, evidence: Sequence[str], most: int, selects: bool, usage: Usage) -> Draft:
    """What may stand for a candidate, of what was written about it: a checked sentence, or the one of the evidence whose number it is."""
    if selects:
        places = chosen(written, evidence)
        if not places:
            return Draft(fault="unparsed" if places is None else "none_fits", usage=usage)
        return Draft(named(evidence[places[0]], entity.name), usage=usage)
    sentence = first_sentence(written)
    why = fault(sentence, entity, evidence, most)
    return Draft("" if why else sentence, why, usage)
