"""A table of the visual-attack paper as a grid: what is asked of whom, and which rows come out."""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

from robustmel.errors import UsageError
from robustmel.registry import Component, suggestion
from robustmel.run.grid import Grid, component_from_text, parse_grid

TABLES = ("table2", "table3", "table4")
COLUMNS = tuple((attack, strength) for attack in ("pgd", "apgd", "cw") for strength in ("normal", "strong"))
"""In the paper's order: "pgd-n", "pgd-s", ..."""
QUICK = 4
"""Mentions of a quick look."""


@dataclass(frozen=True)
class Setup:
    """What is run for a table.

    Args:
        name: "table2", "table3" or "table4".
        title: What it shows.
        grid: All its cells.
        linkers: The paper's name -> how tables of ours call that linker.
        defence: Title of the defence, "" where there is none.
        surrogate: Title of the linker on which images are made for all, "" where there is none.
        names: Whether the linkers are also asked where every name is made up.
    """

    name: str
    title: str
    grid: Grid
    linkers: Mapping[str, str]
    defence: str
    surrogate: str
    names: bool


def read_setup(
    name: str,
    datasets: Sequence[str] = (),
    linkers: Mapping[str, str] | None = None,
    limit: int | None = None,
    undefended: bool = False,
    defence: str | None = None,
    surrogate: str | None = None,
    quick: bool = False,
) -> Setup:
    """The setup of a table.

    Args:
        name: One of `TABLES`.
        datasets: Names or inline tables, in place of the embedded data set.
        linkers: The paper's name -> a name or an inline table, in place of the embedded linkers; those not named are left out.
        limit: How many mentions, a random sample.
        undefended: Leave LLM-RetLink out.
        defence: In its place, or with settings of its own: a name or an inline table.
        surrogate: In place of clip-world.
        quick: Few mentions unless `limit` says how many, and PGD alone.

    Raises:
        UsageError: There is no such table or row of it, or something named is unknown.
    """
    written = tomllib.loads((files("robustmel.experiments.visual") / "setups.toml").read_text("utf-8"))
    common, table = written["common"], written[name]
    if unknown := set(linkers or {}) - set(table["linkers"]):
        raise UsageError(f'{name} has no row "{min(unknown)}". {suggestion(min(unknown), table["linkers"])}')
    rows = {paper: _labelled(component_from_text(text), paper) for paper, text in (linkers or table["linkers"]).items()}
    source = component_from_text(surrogate or table.get("surrogate", "")) if surrogate or "surrogate" in table else None
    if undefended and defence:
        raise UsageError("--undefended leaves the defence out and --defence names one; choose one.")
    behind = component_from_text(defence or table["defence"]) if not undefended and (defence or "defence" in table) else None
    columns = [column for column in COLUMNS if not quick or column[0] == "pgd"]
    aims: list[Any] = ["victim"]
    aims += [{"linker": "victim", "defence": "none"}] if behind else []
    aims += [source.title] if source else []
    attacks: list[Any] = ["clean"]
    for aim in aims:
        aimed = {} if aim == "victim" else {"source": aim}
        attacks += [{"name": attack, "strength": strength, **aimed} for attack, strength in columns]
    attacks += [*common["noise"], common["blanked"]]
    asked = [component.table for component in rows.values()]
    if source is not None and source.params and source.title not in {component.title for component in rows.values()}:
        asked.append(source.table)  # a source is a linker of the grid, unless its name says all
    grid = parse_grid(
        {
            "datasets": [component_from_text(text).table for text in datasets or [common["dataset"]]],
            "tasks": ["I2T", "IT2T", "T2T"],
            "linkers": asked,
            "attacks": attacks,
            "defences": ["none", *([behind.table] if behind else [])],
            "limit": limit or (QUICK if quick else table["limit"]),
        },
        name,
    )
    titles = {paper: component.title for paper, component in rows.items()}
    against, made_on = behind.title if behind else "", source.title if source else ""
    return Setup(name, table["title"], grid, titles, against, made_on, table.get("names", False))


def _labelled(component: Component, paper: str) -> Component:
    """Under the paper's name, unless it has one of its own: two checkpoints of one family would be called alike."""
    return replace(component, label=paper) if component.params and not component.label else component
