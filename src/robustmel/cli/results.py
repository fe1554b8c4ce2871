"""`report` and `view`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(help="A run folder.")]
FORMATS = ("table", "markdown", "latex", "csv", "json")


def report(
    run: Run,
    format: Annotated[str, typer.Option("--format", help="table, markdown, latex, csv or json.")] = "table",  # noqa: A002
    by: Annotated[str, typer.Option("--by", help="Accuracy by type, popularity, surface or similarity of the mentions.")] = "",
    compare: Annotated[str, typer.Option("--compare", help="Differences: context, defence or linker.")] = "",
    transfer: Annotated[bool, typer.Option("--transfer", help="The transfer matrix: sources against victims.")] = False,
    norms: Annotated[bool, typer.Option("--norms", help="How small a change is enough, from attacks that seek one.")] = False,
    store: Annotated[Path | None, typer.Option("--store", help="Where its artefacts are, if they were moved.")] = None,
) -> None:
    """Print a run's table again, in another format or cut another way."""
    from robustmel.errors import UsageError
    from robustmel.registry import suggestion
    from robustmel.report import build

    if format not in FORMATS:
        raise UsageError(f'unknown format "{format}". {suggestion(format, dict.fromkeys(FORMATS))}')
    asked = [name for name, wanted in (("by", by), ("compare", compare), ("transfer", transfer), ("norms", norms)) if wanted]
    if len(asked) > 1:
        raise UsageError(f"--{asked[0]} and --{asked[1]} are two tables; ask for one at a time.")
    built = build(run, store)
    others = {
        "by": lambda: built.by(by),
        "compare": lambda: built.compare(compare),
        "transfer": lambda: built.transfer,
        "norms": lambda: built.norms,
    }
    part = others[asked[0]]() if asked else built
    writers = {"table": part.text, "markdown": part.markdown, "latex": part.latex, "csv": part.csv, "json": part.json}
    sys.stdout.write(writers[format]().rstrip("\n") + "\n")


def view(
    run: Run,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser too.")] = False,
    store: Annotated[Path | None, typer.Option("--store", help="Where its artefacts are, if they were moved.")] = None,
) -> None:
    """Write a run's page and print its path."""
    from robustmel.report import build

    page = build(run, store).write_page()
    print(page)
    if browser:
        import webbrowser

        webbrowser.open(page.resolve().as_uri())
