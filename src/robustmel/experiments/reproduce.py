"""Runs a published experiment, table by table, and sets the published figures beside what came out."""

import csv
import textwrap
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from robustmel.api import execute
from robustmel.errors import UsageError
from robustmel.experiments.rate_plot import Rate, rate_plot
from robustmel.experiments.table_text import accuracies, differences, published
from robustmel.registry import suggestion
from robustmel.run.grid import Grid, parse_grid

_FOLDER = files("robustmel.experiments")


@dataclass(frozen=True)
class Table:
    """One table of an experiment.

    Args:
        rate: The rate of its poisons that a plot shows.
        absent: Poisons that need a file which is not given, and how to give it.
    """

    name: str
    title: str
    grid: Grid
    published: tuple[tuple[str, str, str], ...]
    rate: Rate | None = None
    absent: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Experiment:
    """A published experiment at the scale of the embedded world."""

    paper: str
    scale: str
    tables: tuple[Table, ...]


def experiments() -> dict[str, str]:
    """Their names, and what each is about."""
    written = {
        file.name.removesuffix(".toml"): file.read_text("utf-8") for file in _FOLDER.iterdir() if file.name.endswith(".toml")
    }
    return {name: tomllib.loads(text)["about"] for name, text in sorted(written.items())}


def read_experiment(
    name: str, quick: bool = False, given: Mapping[str, str] | None = None, only: Sequence[str] = (), seeds: int | None = None
) -> Experiment:
    """An experiment by name.

    Args:
        name: Its name.
        quick: Few mentions and seeds, and little that is learnt from.
        given: Files of the user's own, by the experiment's names for them ("vectors").
        only: Names of its tables; empty for all.
        seeds: How many, in place of each table's own.

    Raises:
        UsageError: There is none of that name, or no such table.
    """
    if name not in experiments():
        raise UsageError(f'no experiment "{name}". {suggestion(name, experiments())}')
    written = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    tables = {table["name"]: table for table in written["tables"]}
    for unknown in (asked for asked in only if asked not in tables):
        raise UsageError(f'{name} has no table "{unknown}". {suggestion(unknown, tables)}')
    lines = (line for line in (_FOLDER / written["figures"]).read_text("utf-8").splitlines() if not line.startswith("#"))
    figures = list(csv.DictReader(lines))
    instead = written["quick"] if quick else {}
    named: dict[str, Any] = dict(given or {})
    for key, value in {**written["named"], **instead.pop("named", {})}.items():
        named[key] = _filled(value, named)
    if seeds is not None:
        instead["seeds"] = list(range(seeds))
    chosen = (table for table in tables.values() if not only or table["name"] in only)
    made = tuple(_table({**written["grid"], **table, **instead}, named, figures) for table in chosen)
    return Experiment(written["paper"], written["scale"], made)


def _table(table: dict[str, Any], named: Mapping[str, Any], figures: list[dict[str, str]]) -> Table:
    name, title, rate = table.pop("name"), table.pop("title"), table.pop("rate", None)
    source, absent = table.pop("figures", None), list[tuple[str, str]]()
    if "poisons" in table:
        poisons = [_possible(poison, named) for poison in table["poisons"]]
        absent = [(poison["label"], f"give --{lacking} PATH") for poison in poisons if (lacking := _lacking(poison, named))]
        table["poisons"] = [poison for poison in poisons if not _lacking(poison, named)]
    rows = tuple((row["dataset"], row["condition"], row["accuracy"]) for row in figures if row["table"] == source)
    return Table(name, title, parse_grid(_filled(table, named), f"table {name}"), rows, rate, tuple(absent))


def _possible(poison: Any, named: Mapping[str, Any]) -> Any:
    """A poison with what it says it does "without" a file, where nobody gave that file."""
    if not isinstance(poison, dict) or "without" not in poison:
        return poison
    given = {key: value for key, value in poison.items() if key != "without"}
    if not (lacking := _lacking(given, named)):
        return given
    return {key: value for key, value in given.items() if value != f"${lacking}"} | poison["without"]


def _lacking(poison: Any, named: Mapping[str, Any]) -> str:
    """The name of a file that a poison needs and nobody gave, "" where it lacks none."""
    values = poison.values() if isinstance(poison, dict) else ()
    return next((value[1:] for value in values if isinstance(value, str) and value[:1] == "$" and value[1:] not in named), "")


def _filled(value: Any, named: Mapping[str, Any]) -> Any:
    """The value with what is named in place of every "$name"."""
    if isinstance(value, dict):
        return {key: _filled(part, named) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, named) for part in value]
    return named[value[1:]] if isinstance(value, str) and value[:1] == "$" else value


def reproduce(experiment: Experiment, out: Path, store: Path, workers: int, device: str) -> Iterator[str]:
    """Runs what is missing and gives each table as text, with the paper's beside it."""
    for table in experiment.tables:
        folder, grid = out / table.name, table.grid
        report = execute(grid, folder, store, workers, device).report
        poisoned = len(grid.poisons) > 1 or bool(table.absent)
        plot = rate_plot(report, grid.poisons, table.rate, table.published) if table.rate else None
        if plot is not None:
            (folder / "rates.svg").write_text(plot, "utf-8")
        yield "\n".join(
            [
                f"## {table.title}",
                "",
                "Accuracy in % with its 95 % interval over mentions and seeds; then of the mentions called otherwise than their entity.",
                "",
                *accuracies(report, poisoned, table.absent),
                "",
                *differences(report, poisoned, grid.linkers[0].title),
                *published(experiment.paper, table.published),
                *([f"Accuracy against the rate: {folder / 'rates.svg'}"] if plot is not None else []),
                f"Every figure: {folder / 'report' / 'index.html'}",
                "",
            ]
        )
    yield textwrap.fill(experiment.scale, 100)
