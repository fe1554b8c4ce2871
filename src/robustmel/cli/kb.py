"""`kb`: knowledge bases on disk."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sized
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from robustmel.cli.options import STORE, NewFolder, dataset_from_text

if TYPE_CHECKING:
    from robustmel.kb.dump import DumpReport
    from robustmel.types import Entity

LANGUAGES = ("en", "mul")
kb = typer.Typer(help="Build or search a knowledge base on disk.", no_args_is_help=True, rich_markup_mode=None)


Dump = Annotated[
    Path | None,
    typer.Option(
        "--dump", help="A Wikidata JSON dump (.json, .json.gz, .json.bz2), or articles as KILT's knowledge source has them."
    ),
]
Entities = Annotated[Path | None, typer.Option("--entities", help="An entities.jsonl, or a folder that `kb build` made.")]
Dataset = Annotated[str | None, typer.Option("--dataset", help="A data set, for its own entities.")]
Language = Annotated[list[str] | None, typer.Option("--language", help="Languages of a dump's labels, preferred first.")]


@kb.command()
def build(
    out: NewFolder, dump: Dump = None, entities: Entities = None, dataset: Dataset = None, language: Language = None
) -> None:
    """Build a knowledge base from a dump, a file of entities, or a data set; resumable from a dump."""
    _one_source(dump, entities, dataset)
    if dump is not None:
        from robustmel.kb.build import build_from_dump

        report = build_from_dump(dump, out, tuple(language or LANGUAGES), _show)
        print(f"\r{out}: {report.kept:,} entities of {report.lines:,} lines", file=sys.stderr)
        _say_what_was_left_out(report)
        return
    from robustmel.kb.entities_file import stream_kb
    from robustmel.kb.write import write_kb
    from robustmel.progress import counted

    entities_read: Iterable[Entity]
    if entities is not None:
        entities_read, source = stream_kb(entities), entities.name
    else:
        loaded = dataset_from_text(str(dataset))
        entities_read, source = loaded.kb, loaded.name
    with counted("entities") as told:
        written = write_kb(_told(entities_read, told), out, source)
    print(f"{out}: {written:,} entities", file=sys.stderr)


@kb.command()
def index(
    out: NewFolder, dump: Dump = None, entities: Entities = None, dataset: Dataset = None, language: Language = None
) -> None:
    """Build an index of texts, in which evidence about entities is found without a network."""
    from robustmel.kb.dump import DumpReport, read_dump
    from robustmel.kb.entities_file import stream_kb
    from robustmel.retrieval.text_index import build_text_index

    _one_source(dump, entities, dataset)
    report = DumpReport()
    entities_read: Iterable[Entity]
    if dump is not None:
        entities_read = read_dump(dump, tuple(language or LANGUAGES), report, progress=_show)
    else:
        entities_read = stream_kb(entities) if entities is not None else dataset_from_text(str(dataset)).kb
    texts, report.repeated = build_text_index(entities_read, out)
    print(f"{out}: {texts:,} texts", file=sys.stderr)
    _say_what_was_left_out(report)


def _one_source(*sources: Path | str | None) -> None:
    if sources.count(None) != len(sources) - 1:
        from robustmel.errors import UsageError

        raise UsageError("name one source: --dump, --entities or --dataset.")


def _told(entities: Iterable[Entity], told: Callable[[int, int], None]) -> Iterator[Entity]:
    """The entities, telling how many of all have gone by; where nobody knows how many there are, nothing is told."""
    count = len(entities) if isinstance(entities, Sized) else 0
    for number, entity in enumerate(entities, 1):
        yield entity
        if count and (number % 1000 == 0 or number == count):
            told(number, count)


def _show(report: DumpReport) -> None:
    if report.lines % 100_000 == 0 or sys.stderr.isatty():
        print(f"\r{report.lines:,} lines, {report.kept:,} entities", end="", file=sys.stderr, flush=True)


def _say_what_was_left_out(report: DumpReport) -> None:
    for count, what in (
        (report.without_label, "items without a label in these languages"),
        (report.others, "properties, lexemes and other lines that are not items"),
        (report.repeated, "repeated items"),
        (report.broken, f"lines that hold no entity, the first is line {report.first_broken}"),
    ):
        if count:
            print(f"left out: {count:,} {what}", file=sys.stderr)


@kb.command()
def merged(
    out: Annotated[Path, typer.Option("--out", help="The file of merged ids to write.")],
    contact: Annotated[str, typer.Option("--contact", help="Your mail address or web page; Wikimedia asks for it.")] = "",
    entities: Entities = None,
    dataset: Dataset = None,
    store: Annotated[Path, typer.Option("--store", help="Where answers of Wikidata are kept.")] = STORE / "evidence.sqlite",
    offline: Annotated[bool, typer.Option("--offline", help="Ask nobody: take what the store holds.")] = False,
) -> None:
    """Ask Wikidata which ids were merged into others, for the data set `merged`; resumable."""
    from robustmel.errors import RobustMELError
    from robustmel.kb.entities_file import stream_kb
    from robustmel.retrieval.wikimedia.encyclopaedia import Encyclopaedia
    from robustmel.retrieval.wikimedia.items import is_qid
    from robustmel.run.writing import write_atomically, writing

    _one_source(entities, dataset)
    asked: Iterable[str]
    if entities is not None:
        asked = (entity.qid or entity.id for entity in stream_kb(entities))
    else:
        loaded = dataset_from_text(str(dataset))
        golds = (mention.gold for mention in loaded.mentions if mention.gold)
        asked = chain((entity.qid or entity.id for entity in loaded.kb), golds)
    qids = [text for text in dict.fromkeys(asked) if is_qid(text)]
    wikidata = Encyclopaedia(store, contact, offline)
    today = wikidata.items(qids)
    if wikidata.failed:
        raise RobustMELError(
            f"{len(wikidata.failed):,} of {len(qids):,} ids could not be fetched ({next(iter(wikidata.failed.values()))}); run the command"
            " again: what was answered is kept."
        )
    pairs = sorted((old, new) for old, new in today.items() if new and new != old)
    with writing(out.parent):
        write_atomically(out, (f"{old}\t{new}\n" for old, new in pairs))
    gone = [old for old, new in today.items() if not new]
    print(f"{out}: {len(pairs):,} of {len(qids):,} ids were merged into others", file=sys.stderr)
    if gone:
        print(f"deleted: {len(gone):,} ids, the first is {gone[0]}; they stay as they are", file=sys.stderr)


@kb.command()
def find(
    folder: Annotated[Path, typer.Argument(help="A folder that `kb build` made, or an entities.jsonl.")],
    name: Annotated[str, typer.Argument(help="A name, an alias or an id.")],
) -> None:
    """Find entities by name, alias or id."""
    from robustmel.errors import MissingError, printable
    from robustmel.kb.entities_file import open_kb

    knowledge_base = open_kb(folder)
    ids = dict.fromkeys((*((name,) if name in knowledge_base else ()), *knowledge_base.named(name)))
    if not ids:
        raise MissingError(f'no entity "{name}" among the {len(knowledge_base):,} of {folder}.')
    for entity in map(knowledge_base.__getitem__, ids):
        print(f"{printable(entity.id)}\t{printable(entity.name)}\t{printable(entity.description)}")
