"""`demo`, `plan` and `run`."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustmel.cli.options import CORES, STORE, Device, MaxErrors, Out, StoreFolder, Workers
from robustmel.progress import shown

if TYPE_CHECKING:
    from robustmel.run.grid import Grid


def demo(
    out: Out = None,
    store: StoreFolder = STORE,
    workers: Workers = CORES,
    quick: Annotated[bool, typer.Option("--quick", help="A few mentions only, in seconds.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Everything shipped, and curves over eps.")] = False,
    transfer: Annotated[bool, typer.Option("--transfer", help="Images made on every linker, shown to every other.")] = False,
) -> None:
    """Attack the embedded linkers on the embedded world: no network, no weights to fetch."""
    from robustmel.errors import UsageError
    from robustmel.run.grid import read_grid

    chosen = [name for name, wanted in (("quick", quick), ("full", full), ("transfer", transfer)) if wanted]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other; choose one.")
    name = chosen[0] if chosen else "demo"
    with resources.as_file(resources.files("robustmel.world") / "grids" / f"{name}.toml") as file:
        grid = read_grid(file)
    _run(grid, out or Path("runs") / ("demo" if name == "demo" else f"demo-{name}"), store, workers, "cpu", 0)


def plan_command(grid: Annotated[Path, typer.Argument(help="A grid file (TOML).")], store: StoreFolder = STORE) -> None:
    """Show what a grid would make, what is there already, and what it will cost."""
    from robustmel.run.builder import Builder
    from robustmel.run.estimate import outline
    from robustmel.run.expand import expand
    from robustmel.run.grid import read_grid
    from robustmel.run.store import Store

    builder = Builder(Store(store))
    print(outline(expand(read_grid(grid), builder), builder.store))


def run_command(
    grid: Annotated[Path, typer.Argument(help="A grid file (TOML).")],
    out: Out = None,
    store: StoreFolder = STORE,
    workers: Workers = 1,
    device: Device = "auto",
    max_errors: MaxErrors = 0,
) -> None:
    """Make whatever a grid still lacks, and report. The same command goes on after an interruption."""
    from robustmel.run.grid import read_grid

    _run(read_grid(grid), out or Path("runs") / grid.stem, store, workers, device, max_errors)


def _run(grid: Grid, out: Path, store: Path, workers: int, device: str, max_errors: int) -> None:
    from robustmel.report import build
    from robustmel.run.runs import run_grid
    from robustmel.run.store import Store, writing

    def page() -> None:
        with writing(out):
            build(out, store).write_page()

    with shown() as listener:
        finished = run_grid(grid, out, Store(store), workers, device, listener, page)
    report = build(out, store)
    print(report.text())
    print(f"{finished.made} artefacts made, {finished.reused} reused", file=sys.stderr)
    print(out / "report" / "index.html")
    if finished.errors > max_errors:
        print(f"{finished.errors} rows have errors (allowed: {max_errors}, see --max-errors)", file=sys.stderr)
        raise typer.Exit(1)
    if not any(summary.n for summary in report.summaries):
        print("no mention was left to link, so every figure is n/a", file=sys.stderr)
        raise typer.Exit(1)
