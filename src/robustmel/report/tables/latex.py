"""The main table for a paper: booktabs, grouped as published."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from robustmel.report.sanitise import latex
from robustmel.report.tables.layout import ABSENT, DAGGER, TASK_NAMES, Table, figure


def render(table: Table, notes: Sequence[str]) -> str:
    """A `table*` that needs the package booktabs; the notes become its caption."""
    words = len(table.headings)
    columns = "l" * words + "r" * len(table.columns)
    blank = " & " * words
    tasks = [(TASK_NAMES[task], count) for task, count in table.tasks()]
    heads = [*(heading.capitalize() for heading in table.headings), *(column.label for column in table.columns)]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        "\\centering",
        "\\small",
        "\\setlength{\\tabcolsep}{3.5pt}",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        blank + _spans(tasks) + " \\\\",
        _rules(tasks, words + 1),
        blank + _spans(table.groups()) + " \\\\",
        " & ".join(map(latex, heads)) + " \\\\",
        "\\midrule",
    ]
    for before, row in pairwise([None, *table.rows]):
        assert row is not None
        same = before is not None and before.words[0] == row.words[0]
        lines += ["\\midrule"] * (before is not None and not same)
        words_shown = ["" if same else row.words[0], *row.words[1:]]
        lines.append(" & ".join([*map(latex, words_shown), *(_figure(figure(cell)) for cell in row.cells)]) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += ["\\caption{" + " ".join(_figure(latex(note)) for note in notes) + "}", "\\end{table*}", ""]
    return "\n".join(lines)


def _figure(text: str) -> str:
    return text.replace(DAGGER, "$^\\dagger$").replace(ABSENT, "--")


def _spans(spans: Sequence[tuple[str, int]]) -> str:
    return " & ".join(f"\\multicolumn{{{count}}}{{c}}{{{latex(name)}}}" for name, count in spans)


def _rules(spans: Sequence[tuple[str, int]], start: int) -> str:
    rules = []
    for _, count in spans:
        rules.append(f"\\cmidrule(lr){{{start}-{start + count - 1}}}")
        start += count
    return "".join(rules)
