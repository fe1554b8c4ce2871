"""`init` and `schema`: a grid to start from, and the JSON schema that editors check it with."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from robustmel.cli.options import linker_names

if TYPE_CHECKING:
    from robustmel.registry import Component

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
        raise UsageError(f"{file} is there already. Write to another file, or overwrite it with --force.")
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
    from robustmel.datasets import DATASETS
    from robustmel.errors import UsageError
    from robustmel.linkers import LINKERS
    from robustmel.linkers.contract import capabilities
    from robustmel.run.grid import component_from_text

    victim = component_from_text(linker)
    LINKERS.parameters(victim.name, victim.params)
    offers = capabilities(LINKERS.load(victim.name))
    dataset = {"name": SHIPPED_DATA} if data is None else recognise(data)
    loaded = DATASETS.create(dataset.pop("name"), **dataset) if data is not None else None
    mentions = loaded.load().mentions if loaded is not None else ()
    pictured = data is None or any(mention.image for mention in mentions)
    tasks = [task for task in offers.tasks if pictured or task == "T2T"]
    if not tasks:
        raise UsageError(f"linker {victim.title} answers {', '.join(offers.tasks)}, and the data set has no images.")
    lines = [
        f"#:schema ./{SCHEMA}",
        "# A grid: every list is an axis, and every combination is run. docs/grids.md explains all keys.",
        "",
        "# What is linked. `robustmel datasets` lists the names; several stand side by side.",
        f"datasets = [{_inline(recognise(data)) if data is not None else _toml(SHIPPED_DATA)}]",
    ]
    if data is not None:
        splits = {mention.split for mention in mentions}
        lines += [] if "test" in splits else ['split = "all"    # the data set names no test split']
        if not any(mention.candidates for mention in mentions):
            lines += [
                "# The data set lists no candidates, so they are searched by name.",
                'candidates = {name = "bm25", k = 10}',
            ]
    lines += [
        "",
        "# Who links. `robustmel linkers` lists the names; your own is FILE.py:Class.",
        '# A published checkpoint: {name = "clip", model = "openai/clip-vit-base-patch32"}',
        f"linkers = [{_component(victim)}]",
        "",
        "# I2T reads the image, IT2T the image and the text, T2T the text alone.",
        f"tasks = {_toml(tasks)}",
        "",
        "# What is done to the images. `robustmel attacks` lists the names; drop the # for the larger budget.",
        "attacks = [",
        '    "clean",',
        *([f"    {line}" for line in _attacks(offers.gradients)] if tasks != ["T2T"] else []),
        "]",
        "",
        "limit = 16    # a sample of so many mentions; without this line, all of them",
        "",
    ]
    return "\n".join(lines)


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
        found = loader(path=data).found() if issubclass(loader, Published) else None
        if any(layout.name == found and layout.expected for layout in getattr(loader, "layouts", ())):
            folders = [folder for folder in ("images", "image", "imgs") if (data / folder).is_dir()]
            return {"name": name, "path": str(data)} | ({"images": str(data / folders[0])} if folders else {})
    raise MissingError(f"{data} has the layout of no known data set ({contents(data)}). docs/data-format.md describes our own.")


def _attacks(gradients: bool) -> list[str]:
    control = '{name = "noise", strength = "normal"},    # the control: random noise of the same size'
    if gradients:
        return [control, '{name = "pgd", strength = "normal"},', '# {name = "pgd", strength = "strong"},']
    transfer = f'{{name = "pgd", strength = "normal", source = "{SHIPPED_LINKER}"}},'
    transfer = f"{transfer}    # made on another linker, as this one has no gradients"
    black_box = '{name = "square", strength = "normal", queries = 200},    # a black box: it sees scores alone'
    return [control, black_box, transfer]


def _component(component: Component) -> str:
    table = {"name": component.name, **component.params} | ({"label": component.label} if component.label else {})
    return _inline(table) if len(table) > 1 else _toml(component.name)


def _inline(table: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{key} = {_toml(value)}" for key, value in table.items()) + "}"


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return _inline(value)
    return f"[{', '.join(map(_toml, value))}]" if isinstance(value, list) else json.dumps(value, ensure_ascii=False)
