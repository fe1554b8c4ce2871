"""What comparisons say, as notes under the table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from robustmel.report.comparisons.comparison import Comparison, bracket
from robustmel.report.record import unattacked
from robustmel.report.summary import Summary
from robustmel.types import Cell

SHOWN = 2
"""So many notes a question; the page has everything."""
ANSWERS = {"more": "yes", "less": "no", "none": "no"}


class Lead(NamedTuple):
    """How a question is answered in a note.

    Args:
        asked: The question.
        figures: Those that are told, the deciding one first.
    """

    asked: str
    figures: tuple[str, ...]


LEADS = {
    "context": Lead("Does the text help?", ("attacked", "damage", "floor")),
    "defence": Lead("Does the defence help?", ("saved", "kept")),
}


def remarks(found: Sequence[Comparison], summaries: Sequence[Summary], most: int = SHOWN) -> list[str]:
    """One note a linker and task, under the attack that leaves least (if possible not nothing, which leaves nothing to compare).

    Args:
        found: Comparisons that answer one question; those between linkers make no notes.
        summaries: The rows of the table.
        most: So many notes.
    """
    left = {one.cell: one.accuracy or 0.0 for one in summaries if not (one.worst_case or one.control or one.untouched)}
    chosen: dict[tuple[str, Cell], tuple[tuple[bool, float], Comparison]] = {}
    for one in found:
        if one.question not in LEADS or one.figure != LEADS[one.question].figures[0] or one.cell not in left:
            continue
        victim = (one.question, unattacked(one.cell))
        rank = (left[one.cell] == 0, left[one.cell])
        if victim not in chosen or rank < chosen[victim][0]:
            chosen[victim] = rank, one
    notes = [_note(one, found) for _, one in list(chosen.values())[:most]]
    if len(chosen) > most:
        notes.append(
            f"{len(chosen) - most} more of this kind: robustmel report RUN --compare {found[0].question}, and the page."
        )
    return notes


def _note(lead: Comparison, found: Sequence[Comparison]) -> str:
    asked, figures = LEADS[lead.question]
    line = {one.figure: one for one in found if (one.question, one.subject) == (lead.question, lead.subject)}
    answer = f"{ANSWERS[lead.verdict]}, {lead.sentence}" if lead.verdict in ANSWERS else f"undecided {_bracket(lead)}"
    doubted = (
        ("same-images",) if lead.verdict != "more" else ()
    )  # one image to withstand on either side, rather than two on one
    more = "".join(f"; {line[key].sentence}" for key in (*doubted, *figures[1:]) if key in line)
    who = " ".join(part for part in (lead.victim, "" if lead.question == "context" else lead.task) if part)
    return f"{asked} {who} on {lead.dataset} under {lead.attack}: {answer}{more}."


def _bracket(one: Comparison) -> str:
    return bracket(one.value, None if one.low is None or one.high is None else (one.low, one.high))
