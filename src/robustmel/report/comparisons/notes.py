"""What comparisons say, as notes under the table."""

from collections.abc import Sequence

from robustmel.report.comparisons.comparison import Comparison
from robustmel.report.comparisons.kinds import QUESTIONS
from robustmel.report.record import unattacked
from robustmel.report.summary import Summary
from robustmel.types import Cell

SHOWN = 2
"""So many notes a question; the page has everything."""
ANSWERS = {"more": "yes", "less": "no", "none": "no"}


def remarks(compared: Sequence[Comparison], summaries: Sequence[Summary], most: int = SHOWN) -> list[str]:
    """One note a linker and task, under the first attack of the grid: it was chosen before anything was seen."""
    attacked = {row.cell for row in summaries if not (row.worst_case or row.control or row.untouched)}
    chosen: dict[Cell, Comparison] = {}
    for comparison in compared:
        if comparison.figure in QUESTIONS[comparison.question].note_figures[:1] and comparison.cell in attacked:
            chosen.setdefault(unattacked(comparison.cell), comparison)
    notes = [_note(lead, compared) for lead in list(chosen.values())[:most]]
    if len(chosen) > most:
        more = len(chosen) - most
        notes.append(f"{more} more of this kind: robustmel report RUN --compare {compared[0].question}, and the page.")
    return notes


def _note(lead: Comparison, compared: Sequence[Comparison]) -> str:
    question = QUESTIONS[lead.question]
    line = {comparison.figure: comparison.sentence for comparison in compared if comparison.subject == lead.subject}
    undecided = "undecided" + lead.sentence.rpartition(" is undecided")[2]
    answer = f"{ANSWERS[lead.verdict]}, {lead.sentence}" if lead.verdict in ANSWERS else undecided
    # one image to withstand on either side, rather than two on one
    doubted = ("same-images",) if lead.verdict != "more" else ()
    more = "".join(f"; {line[key]}" for key in (*doubted, *question.note_figures[1:]) if key in line)
    who = lead.victim if lead.question == "context" else f"{lead.victim} {lead.task}"
    return f"{question.note} {who} on {lead.dataset} under {lead.attack}, the grid's first attack: {answer}{more}."
