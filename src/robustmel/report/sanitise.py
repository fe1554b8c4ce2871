"""Strings from data, models and users, made harmless for the place where they are shown."""

import re
import unicodedata

_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "−": r"\ensuremath{-}",
}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~$&]|^[#+-]|(?<=^\d)[.)](?= )|:(?=//)|(?<=www)\.)")
_WHITE = re.compile(r"\s+")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def visible(text: str) -> str:
    """One line without blanks at its ends, and without what `inline` removes."""
    return inline(text).strip()


def inline(text: str) -> str:
    """Without control characters (terminal escapes), format characters (bidirectional overrides, zero width) and lone surrogates.

    White space of any kind becomes one blank.
    """
    letters = (letter for letter in text if letter.isspace() or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Co"))
    return _WHITE.sub(" ", "".join(letters))


def latex(text: str) -> str:
    """Fit for LaTeX's text mode; nothing in it is a command."""
    return "".join(_LATEX.get(letter, letter) for letter in visible(text))


def markdown(text: str) -> str:
    """Fit for a cell of a Markdown table; nothing in it is markup, HTML or a cell border."""
    return _MARKDOWN.sub(r"\\\1", visible(text))


def csv_cell(text: str) -> str:
    """Fit for a spreadsheet: what would be read as a formula gets an apostrophe before it."""
    line = visible(text)
    return "'" + line if line.startswith(_FORMULA) else line
