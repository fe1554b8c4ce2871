"""Figures about a cell of the grid, and the words for whom it is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Generic, TypeVar

from robustmel.types import Cell, Task

DECIMALS = 8
"""Figures are rounded to this, so that the last bits of a sum change no byte of a report."""
KEY = ("dataset", "task", "linker", "source", "defence", "attack", "poison")
"""Fields of a cell, in the order in which records show them."""


Value = TypeVar("Value")


class _OfCell(Generic[Value]):
    """A field of a record's cell, read as the record's own; `robustmel.types.Cell` says what it holds."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, record: CellRecord, owner: type | None = None) -> Value:
        value: Value = getattr(record.cell, self._name)
        return value


@dataclass(frozen=True, slots=True)
class CellRecord:
    """Something that is said about a cell, whose fields it reads as its own.

    Args:
        cell: What it is about; of a worst case, `attack` is its title ("worst-linf-8/255").
    """

    cell: Cell

    dataset = _OfCell[str]()
    task = _OfCell[Task]()
    linker = _OfCell[str]()
    source = _OfCell[str]()
    defence = _OfCell[str]()
    attack = _OfCell[str]()
    poison = _OfCell[str]()

    @property
    def victim(self) -> str:
        """The linker and what it is behind, as sentences name it."""
        return victim_title(self.cell)

    def to_dict(self) -> dict[str, Any]:
        """A JSON object: the cell's fields, then the others in order; figures rounded, None for what does not exist."""
        own = {field.name: rounded(getattr(self, field.name)) for field in fields(self) if field.name != "cell"}
        return {name: getattr(self.cell, name) for name in KEY} | own


@dataclass(frozen=True, slots=True)
class AttackRecord(CellRecord):
    """Something that is said about a cell and the source of its attack.

    Args:
        white_box: Whether the attack asked exactly what is judged, linker and defence.
    """

    white_box: bool

    @property
    def transferred(self) -> bool:
        """Whether the attack asked something else than what is judged."""
        return self.source != "none" and not self.white_box

    @property
    def attack_on(self) -> str:
        """The attack, and whom it asked where that is not the victim: "pgd-normal made on siglip-world"."""
        return f"{self.attack} made on {self.source}" if self.transferred else self.attack


def victim_title(cell: Cell) -> str:
    """A linker with its defence and poison: "clip-world", "clip-world behind jpeg"."""
    behind = "" if cell.defence == "none" else f" behind {cell.defence}"
    return cell.linker + behind + ("" if cell.poison == "none" else f" poisoned by {cell.poison}")


def unattacked(cell: Cell) -> Cell:
    """The cell of the same task and victim without an attack, over all seeds; equal for equal victims."""
    return replace(cell, source="none", attack="clean", seed=None)


def rounded(value: Any) -> Any:
    """The value with every figure in it rounded to `DECIMALS`, tuples as lists."""
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0  # no minus zero
    if isinstance(value, Mapping):
        return {key: rounded(part) for key, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, tuple | list) else value
