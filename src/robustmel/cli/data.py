"""`check`: what is wrong with a data set, before anything is spent on it."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from robustmel.cli.options import FIELD, DatasetName, NewFolder, pairs


def check(
    dataset: DatasetName,
    path: Annotated[Path | None, typer.Option("--path", help="Its folder or file.")] = None,
    images: Annotated[Path | None, typer.Option("--images", help="The folder that image paths are relative to.")] = None,
    kb: Annotated[Path | None, typer.Option("--kb", help="Its knowledge base, if stored elsewhere.")] = None,
    field: Annotated[
        list[str] | None,
        typer.Option("--field", metavar="OURS=THEIRS", help="Maps one of our keys to your name for it; may be repeated."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
    verify: Annotated[bool, typer.Option("--verify-images/--no-verify-images", help="Decode every image.")] = True,
) -> None:
    """Find faults of a data set: images, ids, spans, duplicates, leaks."""
    from robustmel.datasets import DATASETS
    from robustmel.datasets.check import check as examine
    from robustmel.progress import counted
    from robustmel.run.grid import component_from_text

    options: dict[str, Any] = {"path": path, "images": images, "kb": kb, "fields": pairs(field, FIELD)}
    component = component_from_text(dataset)
    stated = {key: str(value) if isinstance(value, Path) else value for key, value in options.items() if value}
    loader = DATASETS.create(component.name, **(dict(component.params) | stated))
    with counted("images") as progress:
        report = examine(loader.load(), verify_images=verify, progress=progress)
    sys.stdout.write((report.to_json() if as_json else report.to_text()).rstrip("\n") + "\n")


def unpack(
    archive: Annotated[Path, typer.Argument(help="A .zip or .tar (.gz, .bz2, .xz).")],
    out: NewFolder,
    encoding: Annotated[
        str | None, typer.Option("--encoding", help="The encoding of file names that are not UTF-8, e.g. gbk.")
    ] = None,
) -> None:
    """Unpack an archive of a data set safely."""
    from robustmel.datasets.unpack import unpack as unpacked

    print(f"{unpacked(archive, out, encoding):,} files", file=sys.stderr)
    print(out)
