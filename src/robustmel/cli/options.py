"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from robustmel.datasets.dataset import Dataset

Out = Annotated[Path | None, typer.Option("--out", help="The run folder.", show_default="runs/<name>")]
StoreFolder = Annotated[Path, typer.Option("--store", help="The store of artefacts, shared by all runs.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Number of processes; it changes the time alone.")]
Device = Annotated[Literal["auto", "cpu", "cuda"], typer.Option("--device", help="Where models run.")]
MaxErrors = Annotated[int, typer.Option("--max-errors", min=0, help="Errored rows allowed before the exit code becomes 1.")]

GridFile = Annotated[Path, typer.Argument(help="A grid file (TOML).")]
NewFolder = Annotated[Path, typer.Option("--out", help="The folder to write; must not exist yet.")]
Seed = Annotated[int, typer.Option("--seed", help="The random seed.")]

FIELD = "is not a field mapping; write ours=theirs, as in --field surface=mention"
PACE = "names no pace; write LINKER=SECONDS, as in --pace clip-world=0.02"
ROW = "names no row; write ROW=LINKER, as in --linker CLIP=clip-world"

STORE = Path(".robustmel")


def dataset_from_text(text: str, split: str = "all") -> Dataset:
    """A data set as written on the command line: a name, or an inline table as in a grid."""
    from robustmel.api import load_dataset
    from robustmel.run.grid import component_from_text

    component = component_from_text(text)
    return load_dataset(component.name, split, **component.params)


def dataset_names(incomplete: str) -> list[str]:
    """Names of data sets that begin so, for the shell."""
    from robustmel.datasets import DATASETS

    return [name for name in DATASETS if name.startswith(incomplete)]


def linker_names(incomplete: str) -> list[str]:
    """Names of linkers that begin so, for the shell."""
    from robustmel.linkers import LINKERS

    return [name for name in LINKERS if name.startswith(incomplete)]


def attack_names(incomplete: str) -> list[str]:
    """Names of attacks that begin so, for the shell."""
    from robustmel.attacks import ATTACKS

    return [name for name in ATTACKS if name.startswith(incomplete)]


DatasetName = Annotated[
    str, typer.Argument(help="A data set: a name, or an inline table as in a grid.", autocompletion=dataset_names)
]


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CORES = cores()


def pairs(written: list[str] | None, expected: str) -> dict[str, str]:
    """`["surface=mention"]` as a dictionary; `expected` says how it is written.

    Raises:
        UsageError: One of them has no equals sign.
    """
    from robustmel.errors import UsageError

    named = {}
    for mapping in written or ():
        ours, equals, theirs = mapping.partition("=")
        if not equals:
            raise UsageError(f'"{mapping}" {expected}.')
        named[ours] = theirs
    return named
