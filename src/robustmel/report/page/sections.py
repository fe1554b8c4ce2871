"""Parts of the page that are sentences and tables: comparisons, and accuracy by kind of mention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from robustmel.report.comparisons import compare, remarks
from robustmel.report.slices import BY
from robustmel.report.tables.sheet import Sheet

if TYPE_CHECKING:
    from robustmel.report.content import ReportContent

HINTS = {
    "context": "Image+Text-to-Text against Image-to-Text and the text alone, on the same mentions: what each linker keeps under attack,"
    " and whether the attack costs less with the text (a difference in differences).",
    "defence": "Each linker with and without the defence, on the same mentions. Saved: the drop without the defence minus the drop with"
    " it (a difference in differences).",
    "poison": "Each linker with and without the poison, on the same mentions and seeds.",
}
SENTENCES = 8
MOST_ROWS = 150
"""With more rows than this, slices are left to `report --by`."""


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    hint: str
    sentences: tuple[str, ...]
    more: str
    tables: tuple[Sheet, ...]


def sections(report: ReportContent) -> list[Section]:
    """Those for which the run has something to say."""
    parts = []
    for question, hint in HINTS.items():
        compared = compare(report.scoring, question)
        for table in report.compare(question).tables:
            comparison_notes = tuple(remarks(compared, report.summaries, SENTENCES))
            parts.append(
                Section(table.title, hint, comparison_notes, f"{len(table.lines)} comparisons with intervals", (table,))
            )
    kinds = _kinds(report) if len(report.summaries) <= MOST_ROWS else ()
    if kinds:
        hint = "The table above for each kind of mention. A group without mentions is empty, not 0 %."
        more = "by type, popularity, wording and similarity of the candidates"
        parts.append(Section("Where it breaks: by kind of mention", hint, (), more, kinds))
    return parts


def _kinds(report: ReportContent) -> tuple[Sheet, ...]:
    """Cuts that part the mentions of some data set at all: those into one group would repeat the table."""
    tables = [table for by in BY for table in report.by(by).tables]
    return tuple(table for table in tables if len(table.headings) - table.words > 1)
