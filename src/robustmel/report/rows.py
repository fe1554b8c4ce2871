"""Which cells make one row of the table: the seeds of a cell, and the worst cases over attacks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from robustmel.report.results import Cell
from robustmel.report.worst import CONTROLS, ensembles, worst_title


@dataclass(frozen=True)
class Row:
    """Cells that make one table row: the seeds of one cell, or a worst case (then several cells a seed).

    Args:
        by_seed: One group of cells a seed; a mention must withstand all of a group.
        attack: What the row is called.
    """

    by_seed: tuple[tuple[Cell, ...], ...]
    attack: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All of them."""
        return tuple(cell for group in self.by_seed for cell in group)

    @property
    def first(self) -> Cell:
        """One of them, for what they share."""
        return self.by_seed[0][0]

    @property
    def victim(self) -> tuple[str, str, str]:
        """Data set, linker and defence."""
        return self.first.dataset, self.first.linker, self.first.defence

    @property
    def worst_case(self) -> bool:
        """Whether it is a worst case over several attacks."""
        return len(self.by_seed[0]) > 1

    @property
    def control(self) -> bool:
        """Whether nothing here was meant to fool anybody: clean images, noise, corruptions."""
        return self.first.threat_model in CONTROLS

    @property
    def reads_no_image(self) -> bool:
        """Whether an image attack stands here whose image is never read (the text-only task)."""
        return all(view.name == "untouched" for cell in self.cells for view in cell.views)

    def aligned(self, cells: Iterable[Cell]) -> list[Cell]:
        """Of other cells, one a seed of this row: that of the same seed, or the first where there is none."""
        by_seed = {one.seed: one for one in cells}
        return [by_seed.get(group[0].seed, next(iter(by_seed.values()))) for group in self.by_seed] if by_seed else []


def table_rows(cells: Iterable[Cell]) -> list[Row]:
    """One row a (data set, task, linker, source, defence, attack), then the worst cases over attacks."""
    plain: defaultdict[tuple[str, ...], list[Cell]] = defaultdict(list)
    together: defaultdict[tuple[str, ...], list[tuple[Cell, ...]]] = defaultdict(list)
    known = list(cells)
    for cell in known:
        plain[cell.dataset, cell.task, cell.linker, cell.source, cell.defence, cell.attack].append(cell)
    for group in ensembles(known):
        one = group[0]
        key = (one.dataset, one.task, one.linker, one.source, one.defence, one.threat_model, one.budget)
        together[key].append(group)
    rows = [Row(tuple((cell,) for cell in group), group[0].attack) for group in plain.values()]
    return rows + [Row(tuple(groups), worst_title(*key[-2:])) for key, groups in together.items()]
