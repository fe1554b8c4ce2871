"""Tables for a paper: booktabs, a short caption, a label; the notes stand apart."""

import re
from collections.abc import Sequence

from robustmel.report.sanitise import latex
from robustmel.report.tables.sheet import DAGGER, Sheet


def render(sheet: Sheet) -> str:
    """A `table*` that needs the package booktabs, captioned by its title; what follows a line feed in a cell is set small beneath.

    The notes follow as comments, for the paper's text or the caption as its author sees fit.
    """
    columns, start = "l" * sheet.words + "r" * (len(sheet.headings) - sheet.words), sheet.words + 1
    body = [
        "\\toprule",
        *(line for level in range(len(sheet.above)) for line in _above(sheet.spans(level), start, rules=level == 0)),
        _row([heading[:1].upper() + heading[1:] for heading in sheet.headings]),
        "\\midrule",
    ]
    for ends, line in sheet.printed_lines():
        body += ["\\midrule"] * ends + [_row(line)]
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            "\\begin{table*}",
            "\\centering",
            "\\small",
            "\\setlength{\\tabcolsep}{3.5pt}",
            f"\\caption{{{_text(sheet.title)}.}}",
            f"\\label{{tab:{label(sheet.title)}}}",
            f"\\begin{{tabular}}{{{columns}}}",
            *body,
            "\\bottomrule",
            "\\end{tabular}",
            "\\end{table*}",
            *(f"% {latex(note)}" for note in sheet.notes),
            "",
        ]
    )


def label(title: str) -> str:
    """A title as the name of a table: its words in small letters, joined by hyphens."""
    return "-".join(re.findall("[a-z0-9]+", title.lower())[:8]) or "table"


def _above(spans: Sequence[tuple[str, int]], start: int, rules: bool) -> list[str]:
    heads = " & ".join(f"\\multicolumn{{{count}}}{{c}}{{{_text(name)}}}" for name, count in spans)
    lines = [" & " * (start - 1) + heads + " \\\\"]
    if rules:
        ends = [start - 1 + sum(count for _, count in spans[: number + 1]) for number in range(len(spans))]
        lines.append("".join(f"\\cmidrule(lr){{{end - count + 1}-{end}}}" for end, (_, count) in zip(ends, spans, strict=True)))
    return lines


def _row(cells: Sequence[str]) -> str:
    return " & ".join(map(_cell, cells)) + " \\\\"


def _cell(cell: str) -> str:
    figure, _, below = cell.partition("\n")
    return f"\\shortstack[r]{{{_text(figure)}\\\\{{\\scriptsize {_text(below)}}}}}" if below else _text(figure)


def _text(text: str) -> str:
    return latex(text).replace(DAGGER, "$^\\dagger$").replace("–", "--")
