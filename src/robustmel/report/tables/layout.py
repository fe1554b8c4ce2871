"""The main table, in the shape of the table such results are published in: what every rendering of it starts from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from robustmel.report.one_source import one_source
from robustmel.report.summary import Summary

TASK_NAMES = {"I2T": "Image-to-Text", "IT2T": "Image+Text-to-Text", "T2T": "Text"}
DAGGER = "†"
ABSENT = "–"
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
class Row:
    """A line of the table: a data set, a linker as shown, and a summary (or None) a column."""

    dataset: str
    linker: str
    cells: tuple[Summary | None, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The main table.

    Args:
        columns: Grouped by task, then by attack.
        rows: In the order of the grid.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

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
        rows = tuple(Row(row.dataset, row.linker, tuple(row.cells[index] for index in chosen)) for row in self.rows)
        return Table(tuple(self.columns[index] for index in chosen), rows)


def layout(summaries: Sequence[Summary]) -> Table:
    """Rows: data set by linker (a defended one with a star). Columns: per task RAW, the attacks, and T2T as the floor.

    Worst cases over attacks are left to the long table, and so are attacks on T2T that no image can carry; of an attack from several
    sources, the victim's own is shown (see `one_source`).
    """
    shown = one_source([one for one in summaries if not one.worst_case and not one.reads_no_image])
    attacks = attack_order(shown)
    present = {(one.task, one.attack) for one in shown}
    columns = tuple(
        Column(task, attack, *_heading(attack, task)) for task in TASK_NAMES for attack in attacks if (task, attack) in present
    )
    defences = dict.fromkeys(one.defence for one in shown if one.defence != "none")
    victims = dict.fromkeys((one.dataset, one.linker, one.defence) for one in shown)
    order = {dataset: index for index, dataset in enumerate(dict.fromkeys(one.dataset for one in shown))}
    found = {(one.dataset, one.linker, one.defence, one.task, one.attack): one for one in shown}
    rows = tuple(
        Row(
            victim[0],
            linker_label(victim[1], victim[2], len(defences)),
            tuple(found.get((*victim, column.task, column.attack)) for column in columns),
        )
        for victim in sorted(victims, key=lambda victim: order[victim[0]])
    )
    return Table(columns, rows)


def attack_order(shown: Sequence[Summary]) -> list[str]:
    """The attacks that occur: the published ones first, the others as the grid has them."""
    present = dict.fromkeys(one.attack for one in shown)
    return [*(one for one in _FIRST if one in present), *(one for one in present if one not in _FIRST)]


def linker_label(linker: str, defence: str, defences: int) -> str:
    """A defended linker has a star, and the defence's name where there are several."""
    if defence == "none":
        return linker
    return f"{linker}*" if defences <= 1 else f"{linker}* ({defence})"


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
    """What stands in a cell: the accuracy in %, a dagger where it is above clean, a dash where the grid has no such cell."""
    if cell is None:
        return ABSENT
    return percent(cell.accuracy) + (DAGGER if cell.above_clean else "")
