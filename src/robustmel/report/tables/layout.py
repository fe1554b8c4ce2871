"""The main table, in the shape of the table such results are published in: what every rendering of it starts from."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from robustmel.report.record import source_linker, unattacked
from robustmel.report.summary import Summary
from robustmel.types import Cell

TASK_NAMES = {"I2T": "Image-to-Text", "IT2T": "Image+Text-to-Text", "T2T": "Text"}
DAGGER = "†"
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
    """

    headings: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]

    def tasks(self) -> list[tuple[str, int]]:
        """Task and number of its columns, from left to right."""
        return [(task, len(list(group))) for task, group in groupby(self.columns, lambda column: column.task)]

    def groups(self) -> list[tuple[str, int]]:
        """Attack heading and number of its columns, from left to right."""
        runs = groupby(self.columns, lambda column: (column.task, column.group))
        return [(key[1], len(list(group))) for key, group in runs]

    def of_tasks(self, *tasks: str) -> Table:
        """The part of the table that belongs to some tasks."""
        chosen = [index for index, column in enumerate(self.columns) if column.task in tasks]
        rows = tuple(TableRow(row.words, tuple(row.cells[index] for index in chosen)) for row in self.rows)
        return Table(self.headings, tuple(self.columns[index] for index in chosen), rows)


def layout(summaries: Sequence[Summary]) -> Table:
    """Rows: data set, victim and source. Columns: per task RAW and the attacks.

    Figures that no source has a part in (clean, noise, untouched) stand in every row of their victim. Worst cases over attacks are
    left to the long table, attacks from several other linkers to the transfer matrix.
    """
    shown = in_table([summary for summary in summaries if not summary.worst_case])
    attacks = attack_order(shown)
    present = {(summary.task, summary.attack) for summary in shown}
    attacked = {task for task, attack in present if attack != "clean"}
    columns = tuple(
        Column(task, attack, *_heading(attack, task if task not in attacked else ""))
        for task in TASK_NAMES
        for attack in attacks
        if (task, attack) in present
    )
    sources: dict[Cell, dict[str, bool]] = {}
    for summary in sorted(shown, key=_dataset_order(shown)):
        made = sources.setdefault(_victim(summary), {})
        if summary.source != "none" and not summary.untouched:
            made[summary.source] = summary.white_box
    by_place: dict[tuple[Cell, str, str, str], Summary] = {
        (_victim(summary), summary.task, summary.attack, _source(summary)): summary for summary in shown
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
            lines.append((words | {"source": _source_label(source, white_box), "poison": victim.poison}, tuple(cells)))
    optional = {"defence": {"none"}, "source": {ITSELF, ""}, "poison": {"none"}}
    headings = ("dataset", "linker", *(name for name, usual in optional.items() if {words[name] for words, _ in lines} - usual))
    return Table(headings, columns, tuple(TableRow(tuple(words[name] for name in headings), cells) for words, cells in lines))


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
    own = [one for one in group if one.white_box or source_linker(one.source) == one.linker]
    return own or (group if len(group) == 1 else [])


def _victim(summary: Summary) -> Cell:
    return unattacked(replace(summary.cell, task="T2T"))


def _source(summary: Summary) -> str:
    return "none" if summary.untouched else summary.source


def _source_label(source: str, white_box: bool) -> str:
    """What the column of sources says: "itself" for the victim as it stands."""
    if source == "none":
        return ""
    return ITSELF if white_box and not source.endswith(" undefended") else source


def _dataset_order(shown: Sequence[Summary]) -> Callable[[Summary], int]:
    order = {name: index for index, name in enumerate(dict.fromkeys(summary.dataset for summary in shown))}
    return lambda summary: order[summary.dataset]


def attack_order(shown: Sequence[Summary]) -> list[str]:
    """The attacks that occur: the published ones first, the others as the grid has them."""
    present = dict.fromkeys(one.attack for one in shown)
    return [*(one for one in _FIRST if one in present), *(one for one in present if one not in _FIRST)]


def _heading(attack: str, task: str) -> tuple[str, str]:
    if attack == "clean":
        return "T2T" if task == "T2T" else "RAW", ""
    name, _, setting = attack.partition("-")
    return name.upper(), _SETTINGS.get(setting, setting)


def short_title(attack: str) -> str:
    """An attack as its column calls it: "RAW", "PGD N"."""
    return " ".join(part for part in _heading(attack, "") if part)


def percent(value: float | None) -> str:
    """A share in %, one decimal; "n/a" where there is none."""
    return NO_FIGURE if value is None else f"{100 * value:.1f}"


def figure(cell: Summary | None) -> str:
    """What stands in a cell: the accuracy in %, a dagger where it is above clean, a dash where the grid has no such cell.

    The figure of an attack that leaves the task untouched is the clean one, in brackets.
    """
    if cell is None:
        return ABSENT
    if cell.untouched:
        return f"({percent(cell.accuracy)})"
    return percent(cell.accuracy) + (DAGGER if cell.above_clean else "")
