"""Runs a published experiment, table by table, and sets the published figures beside what came out."""

import csv
import textwrap
import tomllib
from collections.abc import Iterator, Mapping
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


def experiments() -> list[str]:
    """Their names."""
    return sorted(file.name.removesuffix(".toml") for file in _FOLDER.iterdir() if file.name.endswith(".toml"))


def read_experiment(name: str, quick: bool = False, given: Mapping[str, str] | None = None) -> Experiment:
    """An experiment by name, smaller where `quick`; `given` are files of the user's own, by the experiment's names for them ("vectors").

    Raises:
        UsageError: There is none of that name.
    """
    if name not in experiments():
        raise UsageError(f'no experiment "{name}". {suggestion(name, dict.fromkeys(experiments()))}')
    written = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    lines = (line for line in (_FOLDER / written["figures"]).read_text("utf-8").splitlines() if not line.startswith("#"))
    figures = list(csv.DictReader(lines))
    named: dict[str, Any] = dict(given or {})
    for key, value in written["named"].items():
        named[key] = _filled(value, named)
    quickly = written["quick"] if quick else {}
    tables = tuple(_table({**written["grid"], **table, **quickly}, named, figures) for table in written["tables"])
    return Experiment(written["paper"], written["scale"], tables)


def _table(table: dict[str, Any], named: Mapping[str, Any], figures: list[dict[str, str]]) -> Table:
    name, title, rate = table.pop("name"), table.pop("title"), table.pop("rate", None)
    source, absent = table.pop("figures", None), list[tuple[str, str]]()
    if "poisons" in table:
        absent = [
            (poison["label"], f"give --{lacking} PATH") for poison in table["poisons"] if (lacking := _lacking(poison, named))
        ]
        table["poisons"] = [poison for poison in table["poisons"] if not _lacking(poison, named)]
    rows = tuple((row["dataset"], row["condition"], row["accuracy"]) for row in figures if row["table"] == source)
    return Table(name, title, parse_grid(_filled(table, named), f"table {name}"), rows, rate, tuple(absent))


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
