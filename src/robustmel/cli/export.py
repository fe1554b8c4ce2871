"""`export`: a data set to take away."""

import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from robustmel.cli.options import DatasetName, NewFolder, dataset_from_text
from robustmel.errors import printable
from robustmel.progress import counted


class Format(StrEnum):
    """The format to write."""

    own = "own"
    hub = "hub"


def export(
    dataset: DatasetName,
    out: NewFolder,
    written: Annotated[Format, typer.Option("--format", help="own: the project's format. hub: for Hugging Face.")] = Format.own,
    split: Annotated[str, typer.Option("--split", help="One split, or all.")] = "all",
) -> None:
    """Write a data set in our own format, or for the Hugging Face hub."""
    from robustmel.export import export_hub, export_own

    loaded = dataset_from_text(dataset, split)
    if not loaded.licence:
        print("warning: the licence of this data is not stated; look at it before you publish anything.", file=sys.stderr)
    with counted("records") as progress:
        counts: dict[str, Any] = (export_hub if written is Format.hub else export_own)(loaded, out, progress)
    for split, name in counts.pop("renamed", {}).items():
        print(f'split "{printable(split)}" is called {name} there: the hub does not allow its name.', file=sys.stderr)
    print(", ".join(f"{name} {count}" for name, count in counts.items()), file=sys.stderr)
    print(out)
