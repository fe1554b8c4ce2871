"""`report` and `view`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from robustmel.report import Report

Runs = Annotated[
    list[Path] | None,
    typer.Argument(metavar="RUN", help="A run folder; with --predictions, published sets.", show_default=False),
]
Predictions = Annotated[
    list[Path] | None,
    typer.Option("--predictions", metavar="FILE", help="A file of predictions made elsewhere; may be repeated."),
]
Clean = Annotated[
    list[Path] | None, typer.Option("--clean", metavar="FILE", help="Predictions on the unperturbed images; may be repeated.")
]
Store = Annotated[Path | None, typer.Option("--store", help="The store of its artefacts, if it was moved.")]
Format = Literal["table", "markdown", "latex", "csv", "json"]


def report(
    run: Runs = None,
    written: Annotated[Format, typer.Option("--format", help="The output format; csv and json hold every figure.")] = "table",
    by: Annotated[
        str,
        typer.Option(
            "--by", metavar="<type|popularity[:N]|surface|similarity|poisoned-demos>", help="Accuracy by kinds of mentions."
        ),
    ] = "",
    compare: Annotated[
        str, typer.Option("--compare", metavar="<context|defence|linker|names|poison>", help="Differences between rows.")
    ] = "",
    transfer: Annotated[bool, typer.Option("--transfer", help="The transfer matrix: sources against victims.")] = False,
    norms: Annotated[bool, typer.Option("--norms", help="How small a change is enough, for attacks that minimise it.")] = False,
    intervals: Annotated[bool, typer.Option("--intervals", help="Show 95 % intervals in the table.")] = False,
    predictions: Predictions = None,
    clean: Clean = None,
    store: Store = None,
) -> None:
    """Print a run's table again, in another format or cut another way; or score predictions made elsewhere."""
    from robustmel.errors import UsageError

    views = [name for name, wanted in (("by", by), ("compare", compare), ("transfer", transfer), ("norms", norms)) if wanted]
    if len(views) > 1:
        raise UsageError(f"--{views[0]} and --{views[1]} are two tables; ask for one at a time.")
    built, sound = _scored(run or [], predictions or [], clean or [], store)
    parts = {
        "by": lambda: built.by(by),
        "compare": lambda: built.compare(compare),
        "transfer": lambda: built.transfer,
        "norms": lambda: built.norms,
    }
    part = parts[views[0]]() if views else built.with_intervals() if intervals else built
    writers = {
        "table": part.text,
        "markdown": part.to_markdown,
        "latex": part.to_latex,
        "csv": part.to_csv,
        "json": part.to_json,
    }
    sys.stdout.write(writers[written]().rstrip("\n") + "\n")
    if not sound:
        raise typer.Exit(1)


def _scored(runs: list[Path], predictions: list[Path], clean: list[Path], store: Path | None) -> tuple[Report, bool]:
    """The report, and whether nothing is wrong with predictions from elsewhere."""
    from robustmel.errors import UsageError
    from robustmel.report import build
    from robustmel.report.predictions import outside_report

    if predictions:
        return outside_report(runs or [predictions[0].parent], predictions, clean)
    if clean:
        raise UsageError("--clean needs --predictions, the predictions on the perturbed images.")
    if len(runs) != 1:
        raise UsageError("name one run folder; or published sets, with --predictions FILE.")
    return build(runs[0], store), True


def view(
    run: Runs = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser too.")] = False,
    predictions: Predictions = None,
    clean: Clean = None,
    store: Store = None,
) -> None:
    """Write a run's page and print its path."""
    from robustmel.run.writing import writing

    built, sound = _scored(run or [], predictions or [], clean or [], store)
    with writing(built.run.out, "copy the run folder to a writable place and view the copy"):
        page = built.write_page()
    print(page)
    if browser:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
    if not sound:
        raise typer.Exit(1)
