from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from robustmel.report import sanitise


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("\x1b]0;title\x07x", "]0;titlex"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\u2066b\u2069\u200bc", "abc"),
        ("two\nlines\r\tand a tab", "two lines and a tab"),
        ("0\r\x1b\r0", "0 0"),
        ("\x9b2Jx", "2Jx"),
        ("\udce9", ""),
        ("Müller 李 🇮🇪", "Müller 李 🇮🇪"),
    ],
)
def test_what_steers_a_terminal_or_turns_text_round_is_gone_and_the_rest_stays(text: str, shown: str) -> None:
    assert sanitise.visible(text) == shown


@given(st.text())
def test_nothing_invisible_is_left_of_any_text(text: str) -> None:
    assert not {unicodedata.category(one) for one in sanitise.visible(text)} & {"Cc", "Cf", "Cs", "Co"}
    assert sanitise.visible(sanitise.visible(text)) == sanitise.visible(text)


@pytest.mark.parametrize("text", ["=HYPERLINK(1)", "+1", "-1+2", "@SUM(A1)", "\t=1", " =1", "\u200b=1", "\x00=1"])
def test_formulas_are_text_to_a_spreadsheet(text: str) -> None:
    assert sanitise.csv_cell(text).startswith("'")


@pytest.mark.parametrize("text", ["clip", "a=b", "1", ""])
def test_plain_cells_are_left_alone(text: str) -> None:
    assert sanitise.csv_cell(text) == text


def test_latex_has_no_command_left() -> None:
    assert sanitise.latex(r"\input{x} 50% a_b #1 $x$ A&B ~^") == (
        r"\textbackslash{}input\{x\} 50\% a\_b \#1 \$x\$ A\&B \textasciitilde{}\textasciicircum{}"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>", r"\<script\>"),
        ("[x](y)", r"\[x\](y)"),
        ("*b* `c` _d_", r"\*b\* \`c\` \_d\_"),
        ("# no heading", r"\# no heading"),
        ("- no item", r"\- no item"),
        ("1. no item", r"1\. no item"),
        ("https://x.example www.x.example", r"https\://x.example www\.x.example"),
        ("clip-world 4.2", "clip-world 4.2"),
    ],
)
def test_markdown_shows_markup_as_text(text: str, shown: str) -> None:
    assert sanitise.markdown(text) == shown
