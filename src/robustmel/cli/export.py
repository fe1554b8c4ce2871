"""`export`: a data set to take away."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How it is written."""

    own = "own"
    hub = "hub"


def export(
    dataset: Annotated[str, typer.Argument(help="A data set (a perturbed one or a subset too): a name, or an inline table.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write; must not be there yet.")],
    written: Annotated[Format, typer.Option("--format", help="own: the project's format. hub: for Hugging Face.")] = Format.own,
    split: Annotated[str, typer.Option("--split", help="One split, or all.")] = "all",
) -> None:
    """Write a data set in the project's own format, or as a folder for the Hugging Face hub, with counts and checksums."""
    from robustmel.datasets import DATASETS
    from robustmel.export import export_hub, export_own
    from robustmel.run.grid import component_from_text

    component = component_from_text(dataset)
    loaded = DATASETS.create(component.name, **component.params).load(split)
    if not loaded.licence:
        print("warning: the licence of this data is not stated; look at it before you publish anything.", file=sys.stderr)
    counts = (export_hub if written is Format.hub else export_own)(loaded, out)
    print(", ".join(f"{name} {count}" for name, count in counts.items()), file=sys.stderr)
    print(out)
