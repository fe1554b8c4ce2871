"""Parts of the page that are sentences and tables: comparisons, and accuracy by kind of mention."""

from __future__ import annotations

from dataclasses import dataclass

from robustmel.report.comparisons import LEADS, compare, remarks
from robustmel.report.comparisons import sheets as comparison_sheets
from robustmel.report.scoring import Scoring
from robustmel.report.slices import BY, slices
from robustmel.report.slices import sheets as slice_sheets
from robustmel.report.summary import Summary
from robustmel.report.tables.sheet import Sheet

HINTS = {
    "context": "Image+Text-to-Text against Image-to-Text and against the text alone, on the same mentions: what each linker keeps under"
    " attack, and whether the attack costs it less with the text (a difference in differences).",
    "defence": "Each linker with the defence against itself without it, on the same mentions. Saved: the drop without the defence less"
    " the drop with it (a difference in differences).",
}
SENTENCES = 8
MOST_ROWS = 150
"""With more rows than this, slices are left to `report --by`."""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Args:
        title: Its heading.
        hint: What is shown.
        sentences: What it comes to.
        more: The line that opens the tables.
        sheets: The tables.
    """

    title: str
    hint: str
    sentences: tuple[str, ...]
    more: str
    sheets: tuple[Sheet, ...]


def sections(scoring: Scoring, summaries: tuple[Summary, ...]) -> list[Section]:
    """Those for which the run has something to say."""
    found = []
    for question, hint in HINTS.items():
        compared = compare(scoring, question)
        sheets = tuple(comparison_sheets(compared))
        if question in LEADS and sheets:
            told = tuple(remarks(compared, summaries, SENTENCES))
            found.append(Section(sheets[0].title, hint, told, f"{len(sheets[0].lines)} comparisons with intervals", sheets))
    kinds = _kinds(scoring) if len(summaries) <= MOST_ROWS else ()
    if kinds:
        hint = "The table above for one kind of mention at a time; a group without mentions is empty, not 0 %."
        more = "by type, popularity, wording, and likeness of the candidates"
        found.append(Section("Where it breaks: by kind of mention", hint, (), more, kinds))
    return found


def _kinds(scoring: Scoring) -> tuple[Sheet, ...]:
    """Cuts that part the mentions of some data set at all: those into one group would repeat the table."""
    sheets = [sheet for by in BY for sheet in slice_sheets(slices(scoring, by))]
    return tuple(one for one in sheets if len(one.headings) - one.words > 1)
