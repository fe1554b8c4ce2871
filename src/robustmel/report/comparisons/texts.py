"""What comparisons say, as notes under the table."""

from __future__ import annotations

from collections.abc import Sequence

from robustmel.report.comparisons.comparison import Comparison
from robustmel.report.summary import Summary
from robustmel.report.tables.layout import linker_label

SHOWN = 4
"""So many notes at most; the page has everything."""
ANSWERS = {"more": "yes", "less": "no", "none": "no", "undecided": "undecided"}
LEADS = {"context": ("Does the text help?", "attacked"), "defence": ("Does the defence help?", "saved")}


def remarks(found: Sequence[Comparison], summaries: Sequence[Summary]) -> list[str]:
    """One note a linker and task, with all figures of its line, under the attack that leaves least.

    Args:
        found: Comparisons of any question; those between linkers make no notes.
        summaries: The rows of the table.
    """
    left = {_place(one): one.accuracy for one in summaries if not one.worst_case and not one.control}
    chosen: dict[tuple[str, ...], Comparison] = {}
    for one in found:
        if one.question not in LEADS or one.figure != LEADS[one.question][1] or left.get(_place(one)) is None:
            continue
        victim = (one.question, one.dataset, one.task, one.linker, one.defence)
        if victim not in chosen or (left[_place(one)] or 0) < (left[_place(chosen[victim])] or 0):
            chosen[victim] = one
    notes = [_note(one, found) for one in list(chosen.values())[:SHOWN]]
    if len(chosen) > SHOWN:
        notes.append(f"The same of {len(chosen) - SHOWN} more is on the report's page.")
    return notes


def _place(one: Comparison | Summary) -> tuple[str, ...]:
    return one.dataset, one.task or "IT2T", one.linker, one.defence, one.source, one.attack


def _note(lead: Comparison, found: Sequence[Comparison]) -> str:
    said = [one.sentence for one in found if (one.question, one.subject) == (lead.question, lead.subject)]
    who = " ".join(part for part in (linker_label(lead.linker, lead.defence, 2), lead.task) if part)
    return f"{LEADS[lead.question][0]} {who} on {lead.dataset} under {lead.attack}: {ANSWERS[lead.verdict]}; {'; '.join(said)}."
