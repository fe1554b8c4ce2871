"""Runs a published experiment, table by table, and sets the published figures beside what came out."""

import csv
import textwrap
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from robustmel.api import execute
from robustmel.errors import UsageError
from robustmel.registry import suggestion
from robustmel.report import Report
from robustmel.run.grid import Grid, parse_grid

_FOLDER = files("robustmel.experiments")


@dataclass(frozen=True)
class Table:
    """One table of an experiment."""

    name: str
    title: str
    grid: Grid
    published: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class Experiment:
    """A published experiment at the scale of the embedded world."""

    paper: str
    scale: str
    tables: tuple[Table, ...]


def experiments() -> list[str]:
    """Their names."""
    return sorted(file.name.removesuffix(".toml") for file in _FOLDER.iterdir() if file.name.endswith(".toml"))


def read_experiment(name: str, quick: bool = False) -> Experiment:
    """An experiment by name.

    Raises:
        UsageError: There is none of that name.
    """
    if name not in experiments():
        raise UsageError(f'no experiment "{name}". {suggestion(name, dict.fromkeys(experiments()))}')
    written = tomllib.loads((_FOLDER / f"{name}.toml").read_text("utf-8"))
    lines = (line for line in (_FOLDER / written["figures"]).read_text("utf-8").splitlines() if not line.startswith("#"))
    figures = list(csv.DictReader(lines))
    shared = written["grid"] | (written["quick"] if quick else {})
    tables = tuple(_table(dict(table), shared, figures) for table in written["tables"])
    return Experiment(written["paper"], written["scale"], tables)


def _table(table: dict[str, Any], shared: Mapping[str, Any], figures: list[dict[str, str]]) -> Table:
    name, title, wanted = table.pop("name"), table.pop("title"), table.pop("figures", None)
    published = tuple((row["dataset"], row["condition"], row["accuracy"]) for row in figures if row["table"] == wanted)
    return Table(name, title, parse_grid({**shared, **table}, f"table {name}"), published)


def reproduce(experiment: Experiment, out: Path, store: Path, workers: int, device: str) -> Iterator[str]:
    """Runs what is missing and gives each table as text, with the paper's beside it."""
    for table in experiment.tables:
        report = execute(table.grid, out / table.name, store, workers, device).report
        yield "\n".join(
            [
                f"## {table.title}",
                "",
                "Accuracy in % with its 95 % interval over mentions and seeds; then of the mentions called otherwise than their entity.",
                "",
                *_columns(_accuracies(report)),
                "",
                *_differences(report, table.grid.linkers[0].title),
                *_published(experiment.paper, table.published),
                f"Every figure: {out / table.name / 'report' / 'index.html'}",
                "",
            ]
        )
    yield textwrap.fill(experiment.scale, 100)


def _accuracies(report: Report) -> Iterator[tuple[str, ...]]:
    """Data set, linker, task, accuracy, accuracy where the surface is not the name, mentions and seeds; a head first."""
    yield "data set", "linker", "task", "accuracy", "another wording", "n", "seeds"
    keys = ("dataset", "linker", "task")
    reworded = {
        tuple(part[key] for key in keys): part for part in report.by("surface").records if part["group"] == "another wording"
    }
    for summary in report.summaries:
        row = summary.to_dict()
        known = tuple(str(row[key]) for key in keys)
        yield (*known, _figure(row), _figure(reworded.get(known, {})), str(row["n"]), str(len(row["seeds"])))


def _figure(row: Mapping[str, Any]) -> str:
    if row.get("accuracy") is None:
        return "n/a"
    bounds = [row["ci_low"], row["ci_high"]]
    interval = "" if None in bounds else f" [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]"
    return f"{100 * row['accuracy']:.1f}{interval}"


def _columns(rows: Iterable[tuple[str, ...]]) -> list[str]:
    """Rows as lines of a Markdown table."""
    head, *body = rows
    widths = [max(map(len, column)) for column in zip(head, *body, strict=True)]
    lines = ["| " + " | ".join(map(str.ljust, row, widths)) + " |" for row in (head, *body)]
    return [lines[0], "|" + "|".join("-" * (width + 2) for width in widths) + "|", *lines[1:]]


def _differences(report: Report, first: str) -> list[str]:
    """The first linker of a table against each other one, over the same mentions and seeds."""
    compared = [part for part in report.compare("linker").records if first in (part["linker"], part["against"])]
    lines = [
        f"- {part['dataset']}, {part['task']}, {part['linker']} against {part['against']}: {part['sentence']}."
        for part in compared
    ]
    return [*lines, ""] if lines else []


def _published(paper: str, rows: Sequence[tuple[str, str, str]]) -> list[str]:
    return [f"{paper}, its own figures:", "", *_columns([("data set", "condition", "accuracy"), *rows]), ""] if rows else []
