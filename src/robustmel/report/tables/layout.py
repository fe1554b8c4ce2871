"""The main table, in the shape of the table such results are published in: what every rendering of it starts from."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from robustmel.report.record import unattacked
from robustmel.report.summary import Summary
from robustmel.report.tables.sheet import DAGGER, Sheet
from robustmel.types import Cell

TASK_NAMES = {"I2T": "Image-to-Text", "IT2T": "Image+Text-to-Text", "T2T": "Text"}
ABSENT = "–"
ITSELF = "itself"
NO_FIGURE = "n/a"

_FIRST = ("clean", "pgd-normal", "pgd-strong", "apgd-normal", "apgd-strong", "cw-normal", "cw-strong")
"""The published columns; what else a grid has comes after them."""
_SETTINGS = {"normal": "N", "strong": "S"}


@dataclass(frozen=True, slots=True)
class Column:
    """A column: an attack under a task.

    Args:
        task: "I2T", "IT2T" or "T2T".
        attack: As summaries name it.
        group: The heading shared with its neighbours ("PGD").
        label: Its own heading ("N"), possibly "".
    """

    task: str
    attack: str
    group: str
    label: str


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line of the table: its words under `Table.headings`, and a summary (or None) a column."""

    words: tuple[str, ...]
    cells: tuple[Summary | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The main table.

    Args:
        headings: Of the words: data set, linker, and what else varies of defence, source and poison.
        columns: Grouped by task, then by attack.
        rows: In the order of the grid.
        legend: What the marks in the columns' headings stand for.
    """

    headings: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]
    legend: tuple[str, ...] = ()

    def sheet(self, notes: Sequence[str] = (), intervals: bool = False, tasks: Mapping[str, str] = TASK_NAMES) -> Sheet:
        """The table in words and figures."""
        above = tuple(tasks[column.task] for column in self.columns), tuple(column.group for column in self.columns)
        lines = tuple((*row.words, *(figure(cell, intervals) for cell in row.cells)) for row in self.rows)
        headings = (*self.headings, *(column.label for column in self.columns))
        return Sheet(headings, len(self.headings), lines, "", (*self.legend, *notes), above, grouped=True)


def layout(summaries: Sequence[Summary]) -> Table:
    """Rows: data set, victim and source. Columns: per task RAW and the attacks.

    Figures that no source has a part in (clean, noise, untouched) stand in every row of their victim. Worst cases over attacks are
    left to the long table, attacks from several other linkers to the transfer matrix.
    """
    listed = in_table([summary for summary in summaries if not summary.worst_case])
    attacks = attack_order(listed)
    present = {(summary.task, summary.attack) for summary in listed}
    attacked = {task for task, attack in present if attack != "clean"}
    marks = option_marks(attacks)
    columns = tuple(
        Column(task, attack, *_heading(marks.get(attack, attack), task if task not in attacked else ""))
        for task in TASK_NAMES
        for attack in attacks
        if (task, attack) in present
    )
    sources: dict[Cell, dict[str, bool]] = {}
    for summary in sorted(listed, key=_dataset_order(listed)):
        made = sources.setdefault(_victim(summary), {})
        if summary.source != "none" and not summary.untouched:
            made[summary.source] = summary.white_box
    by_place: dict[tuple[Cell, str, str, str], Summary] = {
        (_victim(summary), summary.task, summary.attack, "none" if summary.untouched else summary.source): summary
        for summary in listed
    }
    lines = []
    for victim, made in sources.items():
        for source, white_box in (made or {"none": True}).items():
            cells = (
                by_place.get((victim, column.task, column.attack, source))
                or by_place.get((victim, column.task, column.attack, "none"))
                for column in columns
            )
            words = {"dataset": victim.dataset, "linker": victim.linker, "defence": victim.defence}
            lines.append(
                (words | {"source": _source_label(source, white_box, victim.linker), "poison": victim.poison}, tuple(cells))
            )
    optional = {"defence": {"none"}, "source": {ITSELF, ""}, "poison": {"none"}}
    headings = ("dataset", "linker", *(name for name, usual in optional.items() if {words[name] for words, _ in lines} - usual))
    rows = tuple(TableRow(tuple(words[name] for name in headings), cells) for words, cells in lines)
    return Table(headings, columns, rows, tuple(_legend(attacks, marks, {row.attack: row.budget for row in listed})))


def _legend(attacks: Sequence[str], marks: Mapping[str, str], budgets: Mapping[str, str]) -> Iterator[str]:
    """The options behind marks, and every budget that no title states: on 8-bit images it may be less than what was asked for."""
    for attack, marked in marks.items():
        options = attack.partition(" (")[2].removesuffix(")")
        effective = f" (budget {budgets[attack]})" if "eps=" in options and f"eps={budgets[attack]}" not in options else ""
        yield f"{short_title(marked)}: {options}{effective}."
    untold: defaultdict[str, list[str]] = defaultdict(list)
    for attack in attacks:
        if attack not in marks and budgets[attack] and attack.rpartition("-")[2] not in _SETTINGS:
            untold[budgets[attack]].append(short_title(attack))
    if untold:
        yield "Budgets: " + "; ".join(f"{', '.join(titles)} {budget}" for budget, titles in untold.items()) + "."


def option_marks(attacks: Sequence[str]) -> dict[str, str]:
    """Attacks with options beside their strength -> a short title with a letter for the options: "pgd-normal a"."""
    optional = [attack for attack in attacks if re.search(r" \(.*\)$", attack)]
    letters = dict.fromkeys(attack.partition(" (")[2] for attack in optional)
    names = {options: chr(ord("a") + number % 26) * (1 + number // 26) for number, options in enumerate(letters)}
    return {attack: f"{attack.partition(' (')[0]} {names[attack.partition(' (')[2]]}" for attack in optional}


def in_table(summaries: Sequence[Summary]) -> list[Summary]:
    """The rows that a table without a transfer matrix shows.

    Of an attack on one victim: those made on its own linker, behind whatever defence; else the one that was made elsewhere, if there
    is only one such source. What an attack leaves untouched is shown where another attack touches the task.
    """
    attacked = {summary.task for summary in summaries if not summary.clean and not summary.untouched}
    alike: defaultdict[Cell, list[Summary]] = defaultdict(list)
    for summary in summaries:
        if not summary.untouched or summary.task in attacked:
            alike[replace(summary.cell, source="")].append(summary)
    chosen = {id(summary) for group in alike.values() for summary in _of_one_linker(group)}
    return [summary for summary in summaries if id(summary) in chosen]


def _of_one_linker(group: Sequence[Summary]) -> Sequence[Summary]:
    own = [summary for summary in group if summary.white_box or summary.cell.source_linker == summary.linker]
    return own or (group if len(group) == 1 else [])


def _victim(summary: Summary) -> Cell:
    return unattacked(replace(summary.cell, task="T2T"))


def _source_label(source: str, white_box: bool, linker: str) -> str:
    """What the column of sources says: "itself" for the victim as it stands."""
    if source == "none":
        return ""
    return ITSELF if white_box and source != f"{linker} undefended" else source


def _dataset_order(listed: Sequence[Summary]) -> Callable[[Summary], int]:
    order = {name: index for index, name in enumerate(dict.fromkeys(summary.dataset for summary in listed))}
    return lambda summary: order[summary.dataset]


def attack_order(listed: Sequence[Summary]) -> list[str]:
    """The attacks that occur: the published ones first, the others as the grid has them."""
    present = dict.fromkeys(summary.attack for summary in listed)
    return [*(attack for attack in _FIRST if attack in present), *(attack for attack in present if attack not in _FIRST)]


def _heading(attack: str, task: str) -> tuple[str, str]:
    if attack == "clean":
        return "T2T" if task == "T2T" else "RAW", ""
    titled, _, options = attack.partition(" ")
    name, _, setting = titled.partition("-")
    return name.upper(), f"{_SETTINGS.get(setting, setting)} {options}".strip()


def short_title(attack: str) -> str:
    """An attack as its column calls it: "RAW", "PGD N"."""
    return " ".join(part for part in _heading(attack, "") if part)


def percent(value: float | None) -> str:
    """A share in %, one decimal; "n/a" where there is none."""
    return NO_FIGURE if value is None else f"{100 * value:.1f}"


def figure(cell: Summary | None, intervals: bool = False) -> str:
    """What stands in a cell: the accuracy in %, a dagger where it is above clean, a dash where the grid has no such cell.

    The figure of an attack that leaves the task untouched is the clean one, in brackets.
    """
    if cell is None:
        return ABSENT
    if cell.untouched:
        return f"({percent(cell.accuracy)})"
    text = percent(cell.accuracy) + (DAGGER if cell.above_clean else "")
    return f"{text}\n({percent(cell.ci_low)}–{percent(cell.ci_high)})" if intervals and cell.ci_low is not None else text
