"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

Out = Annotated[Path | None, typer.Option("--out", help="The run folder.", show_default="runs/<name>")]
StoreFolder = Annotated[Path, typer.Option("--store", help="Where artefacts are kept, shared by all runs.")]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Processes; their number changes nothing but the time.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")]
MaxErrors = Annotated[int, typer.Option("--max-errors", min=0, help="Errored rows allowed before the exit code becomes 1.")]

STORE = Path(".robustmel")


def cores() -> int:
    """Processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


CORES = cores()
