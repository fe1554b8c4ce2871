"""`kb`: knowledge bases on disk."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from robustmel.cli.options import dataset_from_text

kb = typer.Typer(help="Build or search a knowledge base on disk.", no_args_is_help=True, rich_markup_mode=None)


@kb.command()
def build(
    out: Annotated[Path, typer.Option("--out", help="The folder to write; must not exist yet.")],
    dump: Annotated[Path | None, typer.Option("--dump", help="A Wikidata JSON dump (.json, .json.gz, .json.bz2).")] = None,
    entities: Annotated[Path | None, typer.Option("--entities", help="An entities.jsonl.")] = None,
    dataset: Annotated[str | None, typer.Option("--dataset", help="A data set, for its own entities.")] = None,
    language: Annotated[
        list[str] | None, typer.Option("--language", help="Languages of a dump's labels, preferred first.")
    ] = None,
) -> None:
    """Build a knowledge base from a dump, a file of entities, or a data set; resumable from a dump."""
    from robustmel.errors import UsageError

    if (dump, entities, dataset).count(None) != 2:
        raise UsageError("name one source: --dump, --entities or --dataset.")
    if dump is not None:
        from robustmel.kb.build import build_from_dump
        from robustmel.kb.dump import DumpReport

        def show(report: DumpReport) -> None:
            if report.lines % 100_000 == 0 or sys.stderr.isatty():
                print(f"\r{report.lines:,} lines, {report.kept:,} entities", end="", file=sys.stderr, flush=True)

        report = build_from_dump(dump, out, tuple(language or ("en", "mul")), show)
        print(f"\r{out}: {report.kept:,} entities of {report.lines:,} lines", file=sys.stderr)
        for count, what in (
            (report.without_label, "items without a label in these languages"),
            (report.others, "properties, lexemes and other lines that are not items"),
            (report.repeated, "repeated items"),
            (report.broken, f"lines that hold no entity, the first is line {report.first_broken}"),
        ):
            if count:
                print(f"left out: {count:,} {what}", file=sys.stderr)
        return
    from robustmel.kb.entities_file import open_kb
    from robustmel.kb.write import write_kb

    if entities is not None:
        known, source = open_kb(entities), entities.name
    else:
        loaded = dataset_from_text(str(dataset))
        known, source = loaded.kb, loaded.name
    print(f"{out}: {write_kb(known, out, source):,} entities", file=sys.stderr)


@kb.command()
def find(
    folder: Annotated[Path, typer.Argument(help="A folder that `kb build` made, or an entities.jsonl.")],
    name: Annotated[str, typer.Argument(help="A name, an alias or an id.")],
) -> None:
    """Find entities by name, alias or id."""
    from robustmel.errors import MissingError, printable
    from robustmel.kb.entities_file import open_kb

    known = open_kb(folder)
    ids = dict.fromkeys((*((name,) if name in known else ()), *known.named(name)))
    if not ids:
        raise MissingError(f'no entity "{name}" among the {len(known):,} of {folder}.')
    for entity in map(known.__getitem__, ids):
        print(f"{printable(entity.id)}\t{printable(entity.name)}\t{printable(entity.description)}")
