"""Sentences about all candidates of a mention by one call: cheap, and no longer isolated."""

import json
from collections.abc import Sequence

from robustmel.defences.retlink.descriptor_reply import first_object
from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.evidence_sentences import cleaned
from robustmel.defences.retlink.language_model_sentences import (
    About,
    Draft,
    LanguageModel,
    SentenceWriter,
    Writer,
    Written,
    drafted,
)
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.chat.service import ChatError
from robustmel.types import Entity, Usage


class BatchedSentenceWriter:
    """Asks once for all candidates of a mention: the model reads of all of them, so an instruction in one's page may move another's sentence.

    What it writes of each is checked beside that one's own evidence, as ever: it can leave a sentence out, or take another of the same
    evidence, but bring in nothing from elsewhere.

    Args:
        model: Whom it asks.
        mode: "contextual-batched" or "select-batched".
        prompt: With a question for each mode.
    """

    def __init__(self, model: LanguageModel, mode: Written, prompt: Prompt) -> None:
        self._model, self._selects, self._question = model, mode == "select-batched", prompt.ask[mode].strip()

    def drafts(self, about: Sequence[About], descriptors: Descriptors, context: str, most: int, seed: int) -> list[Draft]:
        """See `Writer`; the first candidate's draft bears the cost of all."""
        asked = {str(number): own for number, own in enumerate(about, 1) if own[1]}
        if not asked:
            return [Draft(fault="no_evidence") for _ in about]
        listed = {number: self._entry(*own) for number, own in asked.items()}
        shown = {"ENTITIES": listed, "DESCRIPTORS": sorted(descriptors.words), "CONTEXT": context}
        try:
            reply = self._model.reply(self._question.replace("{words}", str(most)), json.dumps(shown, ensure_ascii=False), seed)
        except ChatError as problem:
            return [Draft(fault=str(problem).partition(":")[0]) for _ in about]
        cost = Usage(1, reply.tokens_read, reply.tokens_written)
        written = first_object(reply.text) if reply.status == "ok" else None
        why = reply.status if reply.status != "ok" else "unparsed"
        drafts = list[Draft]()
        for number, (entity, evidence) in enumerate(about, 1):
            usage, own = Usage() if drafts else cost, (written or {}).get(str(number))
            if not evidence:
                drafts.append(Draft(fault="no_evidence", usage=usage))
            elif isinstance(own, str | int) and not isinstance(own, bool):
                drafts.append(drafted(str(own), entity, evidence, most, self._selects, usage))
            else:
                drafts.append(Draft(fault=why, usage=usage))
        return drafts

    def _entry(self, entity: Entity, evidence: Sequence[str]) -> dict[str, object]:
        numbered = {str(place): text for place, text in enumerate(evidence, 1)}
        return {"ENTITY": cleaned(entity.name), "EVIDENCE": numbered if self._selects else list(evidence)}


def writer_of(model: LanguageModel, mode: Written, prompt: Prompt, in_flight: int) -> Writer:
    """Who asks a language model in that mode."""
    return (
        BatchedSentenceWriter(model, mode, prompt)
        if mode.endswith("-batched")
        else SentenceWriter(model, mode, prompt, in_flight)
    )
