"""A table of an experiment as text: accuracies, differences, and the published figures."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from robustmel.report import Report
from robustmel.report.notes import trained_once

Rows = Iterable[tuple[str, ...]]


def accuracies(report: Report, poisoned: bool, absent: Sequence[tuple[str, str]]) -> list[str]:
    """Data set, linker, task, accuracy, accuracy where the surface is not the name, mentions and seeds; poisons where they are an axis.

    Below them stand the `absent` poisons, and what each lacks.
    """
    keys = ("dataset", "linker", "poison", "task") if poisoned else ("dataset", "linker", "task")
    reworded = {
        tuple(part[key] for key in keys): part for part in report.by("surface").records if part["group"] == "another wording"
    }
    rows = [("data set", *keys[1:], "accuracy", "another wording", "n", "seeds")]
    for summary in report.summaries:
        row = summary.to_dict()
        cell = tuple(str(row[key]) for key in keys)
        rows.append((*cell, _figure(row), _figure(reworded.get(cell, {})), str(row["n"]), str(len(row["seeds"]))))
    rows += [("", "", title, "", f"absent: {why}", "", "", "") for title, why in absent]
    return list(columns(rows))


def differences(report: Report, poisoned: bool, first: str) -> list[str]:
    """What differs over the same mentions and seeds.

    Every poisoned linker against itself unpoisoned, or the first linker of a table against each other one, and each against itself
    on made-up names, where the table has them.
    """
    compared = (*report.compare("poison" if poisoned else "linker").records, *report.compare("names").records)
    lines = [
        f"- {part['dataset']}, {part['task']}, {part['linker']}"
        + (f", {part['poison']}" if poisoned else f" against {part['against']}")
        + f": {part['sentence']}."
        for part in compared
        if poisoned or first in (part["linker"], part["against"]) or part["question"] == "names"
    ]
    return [*lines, *(f"- {note}" for note in trained_once(report.run, report.summaries)), ""] if lines else []


def published(paper: str, rows: Sequence[tuple[str, str, str]]) -> list[str]:
    """The paper's own figures."""
    return [f"{paper}, its own figures:", "", *columns([("data set", "condition", "accuracy"), *rows]), ""] if rows else []


def columns(rows: Rows) -> Iterator[str]:
    """Rows as lines of a Markdown table."""
    head, *body = rows
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in (head, *body)]
    yield lines[0]
    yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield from lines[1:]


def _figure(row: Mapping[str, Any]) -> str:
    if row.get("accuracy") is None:
        return "n/a"
    bounds = [row["ci_low"], row["ci_high"]]
    interval = "" if None in bounds else f" [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]"
    return f"{100 * row['accuracy']:.1f}{interval}"
