"""`init` and `schema`: a grid to start from, and the JSON schema that editors check it with."""

import json
import sys
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import typer

from robustmel.cli.options import linker_names

SCHEMA = "grid.schema.json"
SHIPPED_LINKER, SHIPPED_DATA = "clip-world", "world-news"


def schema() -> None:
    """Print the JSON schema of a grid, for editors."""
    from robustmel.run.grid_schema import grid_schema

    print(json.dumps(grid_schema(), indent=2))


def init(
    grid: Annotated[Path, typer.Argument(help="The file to write, or a folder to write grid.toml into.")] = Path("grid.toml"),
    data: Annotated[
        Path | None, typer.Option("--data", help="Your data set, a folder or a file. Its layout is recognised.")
    ] = None,
    linker: Annotated[
        str,
        typer.Option(
            "--linker",
            autocompletion=linker_names,
            help="Your linker: a name, FILE.py:Class, or an inline table as in a grid.",
        ),
    ] = SHIPPED_LINKER,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file if it is there.")] = False,
) -> None:
    """Write a commented grid for your data or your linker, ready to run."""
    from robustmel.errors import UsageError

    file = grid if grid.suffix == ".toml" else grid / "grid.toml"
    text = starter(data, linker)
    if file.exists() and not force:
        raise UsageError(f"{file} already exists. Write to another file, or overwrite it with --force.")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    if force or not (file.parent / SCHEMA).exists():
        from robustmel.run.grid_schema import grid_schema

        (file.parent / SCHEMA).write_text(json.dumps(grid_schema(), indent=2) + "\n", "utf-8")
    print(file)
    print(f"next: robustmel run {file}", file=sys.stderr)


def starter(data: Path | None, linker: str) -> str:
    """The text of a grid that runs as it is.

    Raises:
        UsageError: The linker is unknown, lacks a parameter, or answers no task that the data allow.
        MissingError: The data are of no known layout, or unreadable.
    """
    from jinja2 import Environment

    from robustmel.api import load_dataset
    from robustmel.errors import UsageError
    from robustmel.linkers import LINKERS
    from robustmel.linkers.contract import capabilities
    from robustmel.registry import as_toml
    from robustmel.run.grid import component_from_text

    victim = component_from_text(linker)
    LINKERS.parameters(victim.name, victim.params)
    offers = capabilities(LINKERS.load(victim.name))
    dataset = None if data is None else recognise(data)
    mentions = load_dataset(**dataset).mentions if dataset else ()
    tasks = [task for task in offers.tasks if dataset is None or task == "T2T" or any(mention.image for mention in mentions)]
    if not tasks:
        raise UsageError(f"linker {victim.title} answers {', '.join(offers.tasks)}, and the data set has no images.")
    template = (files("robustmel.cli") / "starter.toml.jinja").read_text("utf-8")
    return (
        Environment(trim_blocks=True, keep_trailing_newline=True)
        .from_string(template)
        .render(
            schema=SCHEMA,
            dataset=as_toml(dataset or SHIPPED_DATA),
            tested=dataset is None or any(mention.split == "test" for mention in mentions),
            listed=dataset is None or any(mention.candidates for mention in mentions),
            linker=as_toml(victim.table if victim.params or victim.label else victim.name),
            tasks=as_toml(tasks),
            pictured=tasks != ["T2T"],
            gradients=offers.gradients,
            other=SHIPPED_LINKER,
        )
    )


def recognise(data: Path) -> dict[str, Any]:
    """The table of a data set that lies somewhere, its layout told by its files.

    Raises:
        MissingError: Nothing is there, or nothing that is known.
    """
    from robustmel.datasets import DATASETS
    from robustmel.datasets.layouts.layout import contents
    from robustmel.datasets.published import Published
    from robustmel.errors import MissingError

    if not data.exists():
        raise MissingError(f"no data at {data}.")
    if data.suffix == ".jsonl" or (data / "mentions.jsonl").is_file():
        return {"name": "jsonl", "path": str(data)}
    for name in DATASETS:
        loader = DATASETS.load(name)
        recognised = loader(path=data).found() if issubclass(loader, Published) else None
        if any(layout.name == recognised and layout.expected for layout in getattr(loader, "layouts", ())):
            folders = [folder for folder in ("images", "image", "imgs") if (data / folder).is_dir()]
            return {"name": name, "path": str(data)} | ({"images": str(data / folders[0])} if folders else {})
    raise MissingError(
        f"{data} has the layout of no known data set ({contents(data)}). `robustmel datasets jsonl` describes the project's format."
    )
