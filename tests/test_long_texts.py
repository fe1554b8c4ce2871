"""Texts of fifty thousand characters, made to keep regular expressions busy: what reads them takes linear time, or this does not end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from robustmel.attacks import ATTACKS
from robustmel.attacks.text.words import is_stop_word
from robustmel.attacks.text.words import words as spans_of_words
from robustmel.datasets.m3el import category_of
from robustmel.datasets.spans import recover
from robustmel.datasets.titles import page_title, title
from robustmel.defences.retlink.descriptor_reply import descriptors_of
from robustmel.defences.retlink.evidence_sentences import cleaned, named, suspicious, unsuspicious
from robustmel.defences.retlink.reply_check import fault, first_sentence
from robustmel.errors import printable
from robustmel.linkers.chat.reply_parser import chosen
from robustmel.linkers.chat.service import Reply
from robustmel.report.sanitise import latex, markdown, visible
from robustmel.retrieval.sentences import sentences
from robustmel.retrieval.wikimedia.articles import search_query, title_of
from robustmel.retrieval.word_index import words
from robustmel.types import Entity, Query

PIECES = (
    "a",
    " ",
    "<",
    "<a ",
    "ignore ",
    '"',
    "{",
    "1",
    ". ",
    "<|",
    "candidate 1 ",
    "A B. ",
    "image ",
    "It ",
    "\u0430b",
    "\u200b",
    "[",
)
TEXTS = [piece * (50_000 // len(piece)) for piece in PIECES]
TOWN = Entity("Q1", "Town")

READERS: dict[str, Callable[[str], Any]] = {
    "evidence": lambda text: (sentences(text), unsuspicious(text), named(text, "Town")),
    "filter": lambda text: (cleaned(text), suspicious(text)),
    "replies": lambda text: (
        fault(first_sentence(text), TOWN, [text], 40),
        descriptors_of(Reply(text, "ok", 1, 1)),
        chosen(text, ["a", "b"]),
    ),
    "words": lambda text: (words(text), is_stop_word(text), spans_of_words(text)),
    "tables": lambda text: (visible(text), markdown(text), latex(text), printable(text)),
    "titles": lambda text: (title_of(text), title(text), page_title(text), search_query(text, [text]), category_of(text)),
    "mentions": lambda text: (recover("a b 1", text), recover(text[:9], text)),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_hostile_text_is_read_in_linear_time(reader: str) -> None:
    for text in TEXTS:
        READERS[reader](text)


def test_a_hostile_mention_is_edited_in_linear_time() -> None:
    queries = [Query(f"q{place}", text, text[:5], (0, 5), None, ("Q1",)) for place, text in enumerate(TEXTS)]
    assert len(ATTACKS.create("word_delete").perturb(queries, None, ["Q1"] * len(queries), [0] * len(queries))) == len(TEXTS)
