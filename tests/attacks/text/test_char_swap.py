"""The four character edits, told apart by what they do to the characters."""

from __future__ import annotations

from collections import Counter

import pytest
import regex

from robustmel.attacks import ATTACKS
from robustmel.types import Query, TextChange

WORDS = {"Latin": "exchange", "Greek": "λόγος", "Cyrillic": "город", "Hebrew": "שלום", "Arabic": "كتاب", "Devanagari": "कमल"}


def changes(word: str, draws: int = 120) -> list[TextChange]:
    asked = Query("q", f"{word} Oslo", "Oslo", None, None, ())
    edits = ATTACKS.create("char_swap").perturb([asked] * draws, None, [None] * draws, list(range(draws)))
    return [change for edit in edits for change in edit.changes]


@pytest.mark.parametrize("script", WORDS)
def test_each_edit_does_what_it_is_called_in_the_words_own_script(script: str) -> None:
    made = changes(WORDS[script])
    counts = Counter(change.action for change in made)
    assert set(counts) == {"swap", "substitute", "delete", "insert"}
    assert min(counts.values()) > 10  # of 120, each about 30 times
    for change in made:
        old, new = regex.findall(r"\X", change.old), regex.findall(r"\X", change.new)
        more, fewer = Counter(new) - Counter(old), Counter(old) - Counter(new)
        assert (more.total(), fewer.total()) == {"swap": (0, 0), "substitute": (1, 1), "delete": (0, 1), "insert": (1, 0)}[
            change.action
        ]
        assert all(regex.fullmatch(rf"\p{{{script}}}", letter) for letter in more)
        if change.action == "swap":
            first, second = (place for place, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
            assert second == first + 1


def test_without_an_alphabet_syllables_are_swapped_and_deleted_only() -> None:
    assert {change.action for change in changes("한국어")} == {"swap", "delete"}
    assert changes("北", 5) == changes("ท", 5) == []


def test_a_word_of_one_letter_is_not_deleted_and_equal_neighbours_are_not_swapped() -> None:
    assert {change.action for change in changes("x")} == {"substitute", "insert"}
    assert "swap" not in {change.action for change in changes("zzz")}
    assert all(change.new != change.old for change in changes("zzz"))
