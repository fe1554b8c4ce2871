"""`demo`, `plan`, `run` and `reproduce`."""

from __future__ import annotations

import sys
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from robustmel.cli.options import CORES, PACE, ROW, STORE, Device, GridFile, MaxErrors, Out, StoreFolder, Workers, pairs

if TYPE_CHECKING:
    from robustmel.run.cluster.options import ClusterOptions
    from robustmel.run.grid import Grid


def demo(
    out: Out = None,
    store: StoreFolder = STORE,
    workers: Workers = CORES,
    quick: Annotated[bool, typer.Option("--quick", help="A few mentions, in seconds.")] = False,
    full: Annotated[bool, typer.Option("--full", help="Every embedded linker and attack, and curves over eps.")] = False,
    transfer: Annotated[bool, typer.Option("--transfer", help="Images made on each linker, shown to all others.")] = False,
) -> None:
    """Attack two small linkers on an embedded data set, offline."""
    from robustmel.errors import UsageError
    from robustmel.run.grid import read_grid

    chosen = [name for name, wanted in (("quick", quick), ("full", full), ("transfer", transfer)) if wanted]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]} and --{chosen[1]} exclude each other; choose one.")
    name = chosen[0] if chosen else "demo"
    with resources.as_file(resources.files("robustmel.world") / "grids" / f"{name}.toml") as file:
        grid = read_grid(file)
    _run(grid, out or Path("runs") / ("demo" if name == "demo" else f"demo-{name}"), store, workers, "cpu", 0)
    print("next: open the page above; `robustmel init` writes a grid for your own data or linker", file=sys.stderr)


def plan_command(
    grid: GridFile,
    store: StoreFolder = STORE,
    listed: Annotated[bool, typer.Option("--list", help="List every artefact that is missing.")] = False,
    pace: Annotated[
        list[str] | None,
        typer.Option(
            "--pace",
            metavar="LINKER=SECONDS",
            help="Seconds of a pass (an image forward and back) on the hardware meant; may be repeated.",
        ),
    ] = None,
) -> None:
    """Show what a run would make and cost, and what is there already."""
    from robustmel.run.builder import Builder
    from robustmel.run.estimate import outline
    from robustmel.run.expand import expand
    from robustmel.run.grid import read_grid
    from robustmel.run.store import Store

    builder, asked = Builder(Store(store)), read_grid(grid)
    paces = _paces(pace, [linker.title for linker in asked.linkers])
    print(outline(expand(asked, builder), builder.store, listed, builder, asked.keep, paces))


def _paces(written: list[str] | None, linkers: list[str]) -> dict[str, float]:
    from robustmel.errors import UsageError

    paces = {}
    for linker, text in pairs(written, PACE).items():
        if linker not in linkers:
            raise UsageError(f"--pace names {linker}, which the grid has not; its linkers: {', '.join(linkers)}.")
        try:
            paces[linker] = float(text)
        except ValueError:
            paces[linker] = 0.0
        if not 0 < paces[linker] < float("inf"):
            raise UsageError(f'--pace {linker}={text}: "{text}" is no number of seconds above 0.')
    return paces


def run_command(
    grid: GridFile,
    out: Out = None,
    store: StoreFolder = STORE,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Number of processes, or of a cluster's workers.")
    ] = None,
    device: Device = "auto",
    max_errors: MaxErrors = 0,
    executor: Annotated[
        str, typer.Option("--executor", help="Who does the work: local, ray, ray://HOST:PORT or slurm.")
    ] = "local",
    options: Annotated[
        Path | None, typer.Option("--executor-options", help="What a cluster's workers need: a TOML file.")
    ] = None,
) -> None:
    """Run a grid and report; after an interruption, run it again to go on."""
    from robustmel.run.cluster.options import read_options
    from robustmel.run.grid import read_grid

    cluster = read_options(executor, options, workers)
    _run(read_grid(grid), out or Path("runs") / grid.stem, store, workers or 1, device, max_errors, cluster)


def reproduce_command(
    name: Annotated[str | None, typer.Argument(help="An experiment; leave it out to list them.")] = None,
    out: Out = None,
    store: StoreFolder = STORE,
    workers: Workers = 1,
    quick: Annotated[bool, typer.Option("--quick", help="Few mentions and seeds, to see that everything runs.")] = False,
    table: Annotated[
        list[str] | None,
        typer.Option("--table", help="poisoning, poisoning-ablations: a table by name, not all; may be repeated."),
    ] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="The same: how many seeds.")] = None,
    vectors: Annotated[
        Path | None,
        typer.Option("--vectors", help="Word vectors for the poison `embedding`, else those of an embedded encoder."),
    ] = None,
    wordnet: Annotated[
        Path | None, typer.Option("--wordnet", help="A WordNet database folder, for the poison `wordnet`.")
    ] = None,
    dataset: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="table2 to table4: a data set, in place of the embedded one; may be repeated."),
    ] = None,
    linker: Annotated[
        list[str] | None,
        typer.Option(
            "--linker", metavar="ROW=LINKER", help="table2 to table4: the linker of a row of the paper; may be repeated."
        ),
    ] = None,
    surrogate: Annotated[
        str | None, typer.Option("--surrogate", help="table4: the linker that images are transferred from.")
    ] = None,
    undefended: Annotated[bool, typer.Option("--undefended", help="table3, table4: leave LLM-RetLink out.")] = False,
    defence: Annotated[
        str | None, typer.Option("--defence", help="table2 to table4: a defence, in place of `retlink` as it is by default.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="table2 to table4: how many mentions.")] = None,
    written: Annotated[
        Literal["table", "markdown"] | None,
        typer.Option("--format", help="table2 to table4: the output format.", show_default="table"),
    ] = None,
    device: Device = "auto",
) -> None:
    """Run a published experiment on the embedded world, with the paper's figures beside ours."""
    from robustmel.errors import UsageError
    from robustmel.experiments.reproduce import experiments, read_experiment, reproduce
    from robustmel.experiments.visual import VISUAL, visual_text
    from robustmel.registry import suggestion

    known = {**experiments(), **VISUAL}
    if name is None:
        print("\n".join(f"{known_name:<20} {known[known_name]}" for known_name in sorted(known)))
        return
    if name not in known:
        raise UsageError(f'no experiment "{name}". {suggestion(name, known)}')
    if name in VISUAL:
        if table or seeds:
            raise UsageError(
                f"{name} is a table itself, of one seed; --table and --seeds are for poisoning and poisoning-ablations."
            )
        asked = {
            "datasets": dataset or (),
            "linkers": {row.strip(): named.strip() for row, named in pairs(linker, ROW).items()},
            "limit": limit,
            "undefended": undefended,
            "defence": defence,
            "surrogate": surrogate,
            "format": written,
        }
        for line in visual_text(name, quick, asked, out or Path("runs") / name, store, workers, device):
            print(line, flush=True)
        return
    if dataset or linker or limit or surrogate or undefended or defence or written:
        raise UsageError(
            f"{name} runs on its own data and linkers; --dataset, --linker and the like are for table2, table3 and table4."
        )
    given = {option: str(path) for option, path in (("vectors", vectors), ("wordnet", wordnet)) if path is not None}
    experiment = read_experiment(name, quick, given, table or (), seeds)
    for text in reproduce(experiment, out or Path("runs") / name, store, workers, device):
        print(text, flush=True)


def _run(
    grid: Grid, out: Path, store: Path, workers: int, device: str, max_errors: int, cluster: ClusterOptions | None = None
) -> None:
    from robustmel.api import execute

    outcome = execute(grid, out, store, workers, device, cluster=cluster)
    finished, report = outcome.finished, outcome.report
    print(report.text())
    print(
        f"{finished.made} artefacts made, {finished.reused} reused"
        + (f", {finished.retried} rows retried" if finished.retried else ""),
        file=sys.stderr,
    )
    print(out / "report" / "index.html")
    if finished.errors > max_errors:
        of = f"{finished.errors} rows have errors, of {report.failing()} mentions (--max-errors allows {max_errors})"
        print(of, file=sys.stderr)
        raise typer.Exit(1)
    if not any(summary.n for summary in report.summaries):
        print("no mention was linked, so every figure is n/a", file=sys.stderr)
        raise typer.Exit(1)


def store_command(
    store: StoreFolder = STORE,
    clean: Annotated[bool, typer.Option("--clean", help="Remove what no run needs.")] = False,
    redo: Annotated[
        Path | None, typer.Option("--redo", help="A run folder: remove all it uses, so that the next run recomputes it.")
    ] = None,
) -> None:
    """Show what the store holds, and for which runs; clean it."""
    from robustmel.errors import UsageError
    from robustmel.run import upkeep
    from robustmel.run.store import Store

    if clean and redo:
        raise UsageError("--clean and --redo exclude each other; choose one.")
    held = Store(store)
    print(upkeep.clean(held) if clean else upkeep.redo(held, redo) if redo else upkeep.inventory(held))
