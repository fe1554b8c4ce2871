"""Words and graphemes of every script, by character offsets."""

from __future__ import annotations

from itertools import pairwise

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from robustmel.attacks.text.words import (
    _PLAIN_WORD,
    _WORD,
    between_graphemes,
    graphemes,
    is_plain,
    is_stop_word,
    protected_spans,
    word_of,
    words,
)
from robustmel.types import Query, TextChange

SENTENCES = {
    "Latin": ("Mozart's café, Jean-Luc (2008)!", ["Mozart's", "café", "Jean-Luc", "2008"]),
    "decomposed": ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
    "Cyrillic": ("Привет, мир.", ["Привет", "мир"]),
    "Arabic": ("كِتَابٌ جديد", ["كِتَابٌ", "جديد"]),
    "Persian": ("می\u200cخواهم برم", ["می\u200cخواهم", "برم"]),
    "Hebrew": ("שָׁלוֹם עולם", ["שָׁלוֹם", "עולם"]),
    "Devanagari": ("हिन्दी क्\u200dष में", ["हिन्दी", "क्\u200dष", "में"]),
    "Korean": ("한국어 시험", ["한국어", "시험"]),
    "Thai": ("กี่ที", ["กี่", "ที"]),
    "Chinese": ("北京。", ["北", "京"]),
    "Japanese": ("ガーデン", ["ガ", "ー", "デ", "ン"]),
    "emoji": ("👩‍👩‍👧 a 🇫🇷👍🏽", ["a"]),
}


@pytest.mark.parametrize("script", SENTENCES)
def test_words_are_runs_of_letters_and_graphemes_where_nothing_is_spaced(script: str) -> None:
    text, expected = SENTENCES[script]
    assert [text[start:end] for start, end in words(text)] == expected


@given(st.text())
def test_no_word_cuts_a_grapheme_and_every_letter_of_ascii_is_in_a_word(text: str) -> None:
    starts, place = {0}, 0
    for cluster in regex.findall(r"\X", text):
        place += len(cluster)
        starts.add(place)
    spans = words(text)
    assert {offset for span in spans for offset in span} <= starts
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))
    inside = {place for span in spans for place in range(*span)}
    assert all(
        place in inside for place, sign in enumerate(text) if sign.isascii() and sign.isalnum() and {place, place + 1} <= starts
    )


@given(st.text(st.characters(max_codepoint=127)))
def test_ascii_is_cut_as_the_same_text_beside_another_script(text: str) -> None:
    assert [(start, end) for start, end in words(text + " é") if end <= len(text)] == words(text)


def test_plain_characters_are_graphemes_beside_each_other_and_cut_into_words_as_any_text() -> None:
    plain = [character for character in map(chr, range(0x110000)) if is_plain(character)]
    assert len(plain) > 1000
    assert {"\r", "\u0301", "\u200d", "한", "ก", "क", "👩", "\ufe0f"}.isdisjoint(plain)
    for character in plain:
        beside = f"a{character}{character}a"
        assert regex.findall(r"\X", beside) == list(beside)
        found = (list(pattern.finditer(beside)) for pattern in (_WORD, _PLAIN_WORD))
        assert len({tuple(match.span() for match in matches) for matches in found}) == 1, ascii(character)


@given(st.text(st.sampled_from("aÉß-'’_ 1²иΩ—")))
def test_plain_texts_are_cut_as_any_text(text: str) -> None:
    assert [match.span() for match in _PLAIN_WORD.finditer(text)] == [match.span() for match in _WORD.finditer(text)]


@given(st.text())
def test_graphemes_make_the_text_again(text: str) -> None:
    assert graphemes(text) == regex.findall(r"\X", text)
    assert word_of(graphemes(text)) == text


def test_two_graphemes_that_would_fuse_make_no_word() -> None:
    assert word_of(["क्", "ष"]) is None
    assert word_of(["🇫", "🇷"]) is None
    assert not between_graphemes("🇫a🇷", [TextChange(1, 2, "a", "", "delete")], "🇫🇷")
    assert between_graphemes("🇫a🇷", [TextChange(1, 2, "a", "b", "substitute")], "🇫b🇷")
    assert not between_graphemes("\rx\n", [TextChange(1, 2, "x", "", "delete")], "\r\n")


def test_stop_words_are_told_in_any_case_and_before_an_apostrophe() -> None:
    assert all(is_stop_word(word) for word in ("the", "The", "IN", "it's", "we’re", "Don't"))
    assert not any(is_stop_word(word) for word in ("theory", "Mozart's", "handshakes", "US"))


def asked(text: str, surface: str, span: tuple[int, int] | None) -> Query:
    return Query("q", text, surface, span, None, ())


def test_what_is_protected() -> None:
    text = "A [START_ENT] Bo [END_ENT] by Bo"
    assert protected_spans(asked(text, "Bo", (14, 16)), "mention") == [(2, 13), (17, 26), (14, 16)]
    assert protected_spans(asked(text, "Bo", None), "mention") == [(2, 13), (17, 26), (14, 16), (30, 32)]
    assert protected_spans(asked(text, "Bo", (14, 16)), "markers") == [(2, 13), (17, 26), (14, 14), (16, 16)]
    assert protected_spans(asked(text, "Bo", (14, 16)), "none") == []
    assert protected_spans(asked(text, "Al", None), "mention") is None
    assert protected_spans(asked(text, "", None), "mention") is None
    assert protected_spans(asked(text, "Al", (14, 16)), "mention") is None
