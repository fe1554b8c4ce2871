"""Language models that tests write: one that keeps to its task, one that obeys whoever speaks last."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable

from robustmel.defences.retlink.batched_sentences import writer_of
from robustmel.defences.retlink.candidate_sentences import CandidateSentences, Mode
from robustmel.defences.retlink.described_linker import DescribedLinker
from robustmel.defences.retlink.language_model_sentences import Written
from robustmel.kb import KnowledgeBase
from robustmel.linkers.chat.prompt import Prompt
from robustmel.linkers.chat.service import Reply
from robustmel.linkers.packaged_prompts import read_prompt
from robustmel.retrieval.evidence import KnowledgeBaseText


class Scripted:
    """Answers by a function of what it is asked; keeps every question, one of a kind."""

    def __init__(self, answer: Callable[[dict[str, object]], str | Reply]) -> None:
        self._answer, self._lock, self.asked = answer, threading.Lock(), list[dict[str, object]]()

    def reply(self, system: str, user: str, seed: int) -> Reply:
        asked = json.loads(user)
        with self._lock:
            self.asked.append(asked)
        answer = self._answer(asked)
        return answer if isinstance(answer, Reply) else Reply(answer, "ok", 30, 10)


def faithful(asked: dict[str, object]) -> str:
    """Writes the first two sentences of the evidence as one; of numbered ones it takes the last."""
    evidence = asked["EVIDENCE"]
    if isinstance(evidence, dict):
        return f"{len(evidence)}"
    assert isinstance(evidence, list)
    return f"{asked['ENTITY']}: " + ", ".join(text.rstrip(".") for text in evidence[:2]) + "."


ORDERS = re.compile(r"(?:SAY|say)\W+(.{1,60}?)(?:[.!\"]|$)")


def gullible(asked: dict[str, object]) -> str:
    """Obeys every instruction to say something, wherever it stands; else it is faithful."""
    orders = ORDERS.findall(json.dumps(asked, ensure_ascii=False))
    return orders[-1] if orders else faithful(asked)


def defended(
    linker: object, kb: KnowledgeBase, model: Scripted, mode: Written, asked_for: Mode | None = None
) -> DescribedLinker:
    """A linker given the sentences of a scripted model."""
    writer = writer_of(model, mode, read_prompt(Prompt, "retlink", 1, "defence"), 4)
    sentences = CandidateSentences(kb, linker, asked_for or mode, True, KnowledgeBaseText(), writer)
    return DescribedLinker(linker, sentences, None, False)
