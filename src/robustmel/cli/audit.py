"""`audit`: is a published adversarial set what it claims to be?"""

import json
from pathlib import Path
from typing import Annotated, Literal

import typer

from robustmel.cli.options import dataset_from_text, dataset_names, linker_names


def audit(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="SET", help="A folder of images (PNG, JPEG, .pt), or what robustmel perturb wrote: one set or several."
        ),
    ],
    clean: Annotated[
        Path | None,
        typer.Option("--clean", help="The clean images, by the same names.", show_default="SET/clean, where there is one"),
    ] = None,
    budget: Annotated[str | None, typer.Option("--budget", help='What the set claims: "8/255", "l2=3".')] = None,
    norm: Annotated[Literal["linf", "l2"], typer.Option("--norm", help="The norm of a --budget that names none.")] = "linf",
    data: Annotated[
        str | None,
        typer.Option("--data", help="The data set whose mentions have these images.", autocompletion=dataset_names),
    ] = None,
    linker: Annotated[
        list[str] | None,
        typer.Option(
            "--linker", help="Show the set to it; may be repeated.", show_default="embedded ones", autocompletion=linker_names
        ),
    ] = None,
    no_linkers: Annotated[bool, typer.Option("--no-linkers", help="Look at the images alone.")] = False,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many mentions linkers are shown, a random sample.")] = 100,
    out: Annotated[Path | None, typer.Option("--out", help="Write every image's row to this file (JSON lines).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="JSON instead of text.")] = False,
) -> None:
    """Check a published adversarial set against its clean images: norms, damage, copies, source."""
    from robustmel.audit import audit as examine
    from robustmel.audit.audit import EMBEDDED
    from robustmel.audit.change import Budget
    from robustmel.audit.text import to_json, to_text
    from robustmel.errors import MissingError, UsageError
    from robustmel.progress import counted

    if no_linkers and linker:
        raise UsageError("--linker and --no-linkers exclude each other; choose one.")
    if not folder.exists():
        raise MissingError(f"no folder {folder}; SET is a folder of images.")
    beside = clean if clean is not None else folder / "clean"
    if not beside.exists():
        raise MissingError(f"no folder {beside}; --clean is a folder of images.")
    claimed = None if budget is None else Budget.parse(budget, norm)
    dataset = None if data is None else dataset_from_text(data)
    named = [] if no_linkers else linker or EMBEDDED
    sets = sorted(path.parent for path in folder.glob("*/perturbation.json")) or [folder]
    audits = []
    for each in sets:
        with counted("looks at images" if named else "images") as progress:
            audits.append(examine(each, beside, claimed, named, dataset, limit, progress))
        if not as_json:
            print(to_text(audits[-1]), end="", flush=True)
    if out is not None:
        rows = ({"set": str(found.set)} | row for found in audits for row in found.rows())
        out.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    if as_json:
        print(json.dumps([to_json(found) for found in audits], indent=1))
    if not all(found.sound for found in audits):
        raise typer.Exit(1)
