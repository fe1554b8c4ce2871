"""Which cells make one row of the table: the seeds of a cell, and the worst cases over attacks."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from robustmel.report.record import unattacked
from robustmel.report.results import ResultCell
from robustmel.types import Cell, Task

ACCESS = {"linf": "pixels", "l2": "pixels, l2"}
"""Threat model -> what an attacker may touch, where a name of its own is plainer."""

EITHER = "itself, with or without its defence"
"""The source of a worst case over sources."""


@dataclass(frozen=True)
class Row:
    """Cells that make one table row: the seeds of one cell, or a worst case (then several cells a seed).

    Args:
        cell: What the row is known by, over all seeds; of a worst case, `attack` is its title.
        by_seed: One group of cells a seed; a mention must withstand all of a group.
    """

    cell: Cell
    by_seed: tuple[tuple[ResultCell, ...], ...]

    @property
    def cells(self) -> tuple[ResultCell, ...]:
        """All of them."""
        return tuple(cell for group in self.by_seed for cell in group)

    @property
    def first(self) -> ResultCell:
        """The first of them, for what they share."""
        return self.by_seed[0][0]

    @property
    def white_box(self) -> bool:
        """Whether the attack asked exactly what is judged."""
        return all(cell.white_box for cell in self.cells)

    @property
    def worst_case(self) -> bool:
        """Whether it is a worst case over several attacks."""
        return len(self.by_seed[0]) > 1

    @property
    def untouched(self) -> bool:
        """Whether the attack leaves alone all that the task reads, so that nothing was attacked here."""
        return self.first.untouched


def table_rows(cells: Iterable[ResultCell]) -> list[Row]:
    """One row for cells that differ in their seed alone, then the worst cases over attacks."""
    cells_of_run = list(cells)
    single: defaultdict[Cell, list[tuple[ResultCell, ...]]] = defaultdict(list)
    for cell in cells_of_run:
        single[replace(cell.cell, seed=None)].append((cell,))
    together: defaultdict[Cell, list[tuple[ResultCell, ...]]] = defaultdict(list)
    for group in ensembles(cells_of_run):
        title = "-".join(filter(None, ("worst", group[0].threat_model, group[0].budget)))
        together[replace(group[0].cell, attack=title, seed=None)].append(group)
    for group in adaptive_ensembles(cells_of_run):
        access = ACCESS.get(group[0].threat_model, group[0].threat_model)
        title = f"worst case ({', '.join(filter(None, (access, group[0].budget)))})"
        any_source = replace(group[0].cell, attack=title, seed=None, source=EITHER, source_linker="")
        together[any_source].append(group)
    return [Row(cell, tuple(groups)) for cell, groups in (*single.items(), *together.items())]


def ensembles(cells: Iterable[ResultCell]) -> list[tuple[ResultCell, ...]]:
    """Groups of attacks over which a worst case makes sense, each with at least two members.

    Members share everything but the attack: victim, task, source, seed, threat model and budget; an attack that asks nobody is also a
    member of the groups of each source. Controls take no part, nor do cells that their attack leaves untouched or in which nothing was
    perturbed.
    """
    groups: defaultdict[tuple[Cell, str, str], list[ResultCell]] = defaultdict(list)
    for cell in cells:
        if cell.attacked and any(evaluation.variant for evaluation in cell.evaluations):
            groups[replace(cell.cell, attack=""), cell.threat_model, cell.budget].append(cell)
    for (victim, threat_model, budget), group in groups.items():
        if victim.source != "none":
            group += groups.get((replace(victim, source="none", source_linker=""), threat_model, budget), [])
    return [tuple(group) for group in groups.values() if len(group) > 1]


def adaptive_ensembles(cells: Iterable[ResultCell]) -> list[tuple[ResultCell, ...]]:
    """The same over whatever was asked of the victim's own linker, behind its defence or bare: the worst that one who knows it did.

    Members share victim, task, seed, threat model and budget. Without at least two sources the other worst cases say it already.
    """
    groups: defaultdict[tuple[Cell, str, str], list[ResultCell]] = defaultdict(list)
    for cell in cells:
        own = cell.cell.source_linker == cell.cell.linker
        if own and cell.attacked and any(evaluation.variant for evaluation in cell.evaluations):
            victim = replace(cell.cell, attack="", source="")
            groups[victim, cell.threat_model, cell.budget].append(cell)
    return [tuple(group) for group in groups.values() if len({cell.cell.source for cell in group}) > 1]


def clean_cells(row: Row, cells: Iterable[ResultCell], task: Task | None = None) -> list[ResultCell]:
    """Of all cells, those of the row's victim without an attack, one a seed of the row; of another task where it is named.

    Where a seed has none, the first stands for it.
    """
    clean_cell = unattacked(replace(row.cell, task=task or row.cell.task))
    by_seed = {cell.cell.seed: cell for cell in cells if cell.clean and unattacked(cell.cell) == clean_cell}
    first = next(iter(by_seed.values()), None)
    return [by_seed.get(group[0].cell.seed, first) for group in row.by_seed] if first else []
