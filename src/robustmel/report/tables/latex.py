"""The main table for a paper: booktabs, grouped as published."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from robustmel.report.sanitise import latex
from robustmel.report.tables.layout import ABSENT, DAGGER, TASK_NAMES, Table, figure


def render(table: Table, notes: Sequence[str]) -> str:
    """A `table*` that needs the package booktabs; the notes become its caption."""
    columns = "ll" + "r" * len(table.columns)
    tasks = [(TASK_NAMES[task], count) for task, count in table.tasks()]
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table*}",
        "\\centering",
        "\\small",
        "\\setlength{\\tabcolsep}{3.5pt}",
        f"\\begin{{tabular}}{{{columns}}}",
        "\\toprule",
        " & & " + _spans(tasks) + " \\\\",
        _rules(tasks),
        " & & " + _spans(table.groups()) + " \\\\",
        "Data set & Linker & " + " & ".join(latex(column.label) for column in table.columns) + " \\\\",
        "\\midrule",
    ]
    before = [None, *(row.dataset for row in table.rows)]
    for (previous, dataset), row in zip(pairwise(before), table.rows, strict=True):
        if previous is not None and dataset != previous:
            lines.append("\\midrule")
        stub = latex(row.dataset) if dataset != previous else ""
        lines.append(" & ".join([stub, latex(row.linker), *(_figure(figure(cell)) for cell in row.cells)]) + " \\\\")
    lines += ["\\bottomrule", "\\end{tabular}"]
    lines += ["\\caption{" + " ".join(_figure(latex(note)) for note in notes) + "}", "\\end{table*}", ""]
    return "\n".join(lines)


def _figure(text: str) -> str:
    return text.replace(DAGGER, "$^\\dagger$").replace(ABSENT, "--")


def _spans(spans: Sequence[tuple[str, int]]) -> str:
    return " & ".join(f"\\multicolumn{{{count}}}{{c}}{{{latex(name)}}}" for name, count in spans)


def _rules(spans: Sequence[tuple[str, int]]) -> str:
    rules, start = [], 3
    for _, count in spans:
        rules.append(f"\\cmidrule(lr){{{start}-{start + count - 1}}}")
        start += count
    return "".join(rules)
