"""A grid as a table again: what `parse_grid` makes the same grid from."""

from dataclasses import asdict, fields
from typing import Any

from robustmel.errors import UsageError
from robustmel.poisoning.poisoning import Poisoning
from robustmel.registry import Component
from robustmel.run.grid import AttackSpec, Grid
from robustmel.run.poison_spec import PoisonSpec

PLAIN = ("tasks", "split", "seeds", "sample_seed", "limit", "batch_size", "keep")


def table_of(grid: Grid) -> dict[str, Any]:
    """The table of a grid, of JSON values alone where its parameters are.

    Raises:
        UsageError: The grid holds an object of a script, which no table can name.
    """
    axes = (*grid.datasets, *grid.linkers, *grid.defences, *(spec.attack for spec in grid.attacks))
    if held := next((component for component in axes if component.instance is not None), None):
        raise UsageError(f"{held.title} is an object of this script; a cluster's workers need a name, or FILE.py:Class.")
    table: dict[str, Any] = {name: getattr(grid, name) for name in PLAIN}
    table |= {name: [component.table for component in getattr(grid, name)] for name in ("datasets", "defences")}
    table |= {"attacks": [_attack(spec) for spec in grid.attacks], "candidates": grid.candidates.table}
    return table | {
        "linkers": [_linker(grid, linker) for linker in grid.linkers],
        "poisons": [_poison(spec) for spec in grid.poisons],
    }


def _linker(grid: Grid, linker: Component) -> dict[str, Any]:
    trained = grid.trained.get(linker.title)
    if trained is None:
        return linker.table
    return linker.table | {"trained": {"recipe": trained.recipe, "on": [dataset.table for dataset in trained.on]}}


def _attack(spec: AttackSpec, shared: bool = False) -> dict[str, Any]:
    """Keys that stand at their default are left out, and so are those that are said of the attack made upon this one."""
    default = AttackSpec(spec.attack)
    names = ("strength", "profile") if shared else [option.name for option in fields(AttackSpec)]
    aim = {name: getattr(spec, name) for name in names if name not in ("attack", "upon")}
    changed = {name: value for name, value in aim.items() if value != getattr(default, name)}
    upon = {} if spec.upon is None else {"upon": _attack(spec.upon, shared=True)}
    return spec.attack.table | changed | upon


def _poison(spec: PoisonSpec) -> dict[str, Any]:
    if spec.how is None:
        return spec.attack.table
    default = Poisoning(record_rate=spec.how.record_rate)
    changed = {name: value for name, value in asdict(spec.how).items() if value != getattr(default, name)}
    return spec.attack.table | changed | {"record_rate": spec.how.record_rate, "target": spec.target}
