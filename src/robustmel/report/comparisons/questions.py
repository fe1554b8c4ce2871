"""The questions that can be asked of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.report.comparisons.comparison import Comparison, Figure
from robustmel.report.comparisons.context import FIGURES, context
from robustmel.report.comparisons.pairs import DEFENCE_FIGURES, LINKER_FIGURES, defences, linkers
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring


class Question(NamedTuple):
    """What is asked, and how it is answered.

    Args:
        title: The question in words.
        figures: The columns of its answer.
        compare: Makes the comparisons from the rows of the table.
    """

    title: str
    figures: tuple[Figure, ...]
    compare: Callable[[Scoring, list[Row]], Iterator[Comparison]]


QUESTIONS: Mapping[str, Question] = {
    "context": Question("Does the text help under attack?", FIGURES, context),
    "defence": Question("What does the defence save?", DEFENCE_FIGURES, defences),
    "linker": Question("Which linker holds better?", LINKER_FIGURES, linkers),
}


def compare(scoring: Scoring, question: str) -> list[Comparison]:
    """Every comparison that answers a question; controls and worst cases are compared too, what its attack leaves untouched is not.

    Args:
        scoring: Of the run.
        question: A key of `QUESTIONS`.

    Raises:
        UsageError: There is no such question.
    """
    if question not in QUESTIONS:
        raise UsageError(f'unknown comparison "{question}". {suggestion(question, QUESTIONS)}')
    rows = [row for row in table_rows(scoring.run.cells) if not row.untouched]
    return list(QUESTIONS[question].compare(scoring, rows))
