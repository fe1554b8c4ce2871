"""GEMEL is told what the image shows; what it may write stays the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from tests.defences.retlink.test_sentences import TOY, Reader, asked
from torch import Tensor

from robustmel.defences.retlink.descriptors import Descriptors
from robustmel.defences.retlink.retlink import RetLink
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Capabilities
from robustmel.types import Entity, Query, Task


class Writer(Reader):
    """Keeps the texts that it reads, and can be shown demonstrations."""

    def showing(self, part: int, of: int) -> Writer:
        return self

    def logits(self, pixels: Tensor, queries: Sequence[Query], task: Task = "IT2T") -> Tensor:
        self.read += [{"text": query.text} for query in queries]
        return pixels.flatten(1)[:, :2]


class Eye:
    """Sees red in queries, blue in pixels, and nothing in the query "blind"."""

    def of_images(self, queries: Sequence[Query]) -> list[Descriptors]:
        return [Descriptors(status="refused") if query.id == "blind" else Descriptors(("red", "flag")) for query in queries]

    def of_pixels(self, pixels: Tensor, queries: Sequence[Query]) -> list[Descriptors]:
        assert not pixels.requires_grad
        return [Descriptors(("blue",))] * len(queries)


def test_clues_follow_the_text_and_pixels_have_their_own() -> None:
    defence, writer = RetLink(TOY), Writer(TOY)
    defence._tagger = Eye()
    clued = defence.defend(writer)
    told = []
    writer.link = lambda queries, task: told.extend(query.text for query in queries) or Reader.link(writer, queries, task)  # type: ignore[func-returns-value, method-assign]
    seen, blind = clued.link([asked("A boat."), asked("A boat.", name="blind")], "IT2T")
    assert told == ["A boat. Visual clues: red, flag.", "A boat."]
    assert (seen.status, blind.status) == ("ok", "fallback:descriptors_refused")
    pixels = torch.rand(1, 3, 2, 2, requires_grad=True)
    clued.logits(pixels, [asked("A boat.")]).sum().backward()
    assert writer.read[-1] == {"text": "A boat. Visual clues: blue."}
    assert pixels.grad is not None
    told.clear()
    clued.link([asked("A boat.")], "T2T")
    assert told == ["A boat."]  # no image, no clues


def test_who_is_shown_demonstrations_needs_somebody_who_sees() -> None:
    able = Capabilities(("IT2T",), demos=True, open_answers=True, gradients=True)
    assert RetLink.capabilities(able, descriptors="clip-world") == able
    assert RetLink.capabilities(able).tasks == ()
    assert RetLink.capabilities(replace(able, images=False), descriptors="clip-world").tasks == ()


def test_sentences_are_chosen_by_what_the_attacked_pixels_show() -> None:
    kb = KnowledgeBase([Entity("a", "Arda", text="It is old. Its flag is red. Its coat is blue.")])
    defence = RetLink(kb)
    defence._tagger = Eye()
    linker, query = defence.defend(Reader(kb)), asked("", candidates=("a",))
    (clean,), (attacked,) = linker.described([query], "I2T"), linker.described([query], "I2T", torch.zeros(1, 3, 2, 2))
    assert [part.sentences[0].text for part in (clean, attacked)] == ["Arda. Arda's flag is red.", "Arda. Arda's coat is blue."]
