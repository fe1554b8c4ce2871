"""What reaches a terminal cannot steer it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.errors import MissingError, RobustMELError, printable

TEXTS = st.text(st.characters(exclude_categories=()))


@given(TEXTS)
def test_no_text_steers_a_terminal(text: str) -> None:
    shown = printable(text, limit=None)
    assert not any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in shown)
    assert not any(letter in shown for letter in "\u202e\u2066\ufeff")
    assert printable(shown, limit=None) == shown
    shown.encode()
    assert str(MissingError(text)) == printable(text, limit=None, keep="\n")


@pytest.mark.parametrize("text", ["Zürich, 東京\u3000都", "नमस्\u200dते", "a b", "200\xa0km"])
def test_what_people_write_stays(text: str) -> None:
    assert printable(text) == text


def test_an_escape_sequence_is_shown_and_lines_of_an_error_stay_lines() -> None:
    assert str(RobustMELError("two faults:\n- \x1b[2Jgone")) == "two faults:\n- \\x1b[2Jgone"
    assert printable("a\nb" + "c" * 200) == "a\\nb" + "c" * 94 + "..."
