"""Entities out of a Wikidata JSON dump, or out of articles in KILT's layout, line by line."""

import bz2
import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from robustmel.errors import MissingError
from robustmel.kb.kilt import kilt_entity
from robustmel.records.json_lines import usable
from robustmel.records.load_report import LoadReport
from robustmel.types import Entity

MAX_LINE = 64 * 2**20
"""Bytes of the longest entity that is read; the largest items of Wikidata have about 5 MB."""


@dataclass
class DumpReport:
    """What became of the lines of a dump.

    Args:
        lines: Read so far, the skipped ones included.
        kept: Entities made.
        without_label: Items that have neither label nor fallback label.
        others: Properties, lexemes and redirects.
        repeated: Items that stand in the dump a second time; counted when the knowledge base is put together.
        broken: Lines that are no entity.
        first_broken: Number of the first of them, from 1; 0 where there is none.
    """

    lines: int = 0
    kept: int = 0
    without_label: int = 0
    others: int = 0
    repeated: int = 0
    broken: int = 0
    first_broken: int = 0


Progress = Callable[[DumpReport], None]


def read_dump(
    path: Path,
    languages: tuple[str, ...] = ("en", "mul"),
    report: DumpReport | None = None,
    skip: int = 0,
    progress: Progress | None = None,
) -> Iterator[Entity]:
    """Items of a dump (.json, .json.gz or .json.bz2), one at a time; memory holds one line.

    The label is that of the first language that has one, likewise the description; aliases are those of all the languages.
    Popularity is the number of articles about the item (its site links), the type the id of its first P31 that is not
    deprecated.

    Args:
        path: The dump: a JSON list with one entity per line, as Wikidata publishes it; or articles, one per line, as KILT's
            knowledge source has them (`kilt_entity`).
        languages: In order of preference.
        report: Counts what was read and left out.
        skip: Lines to pass over unread: what a build before this one has done.
        progress: Told every thousand lines.

    Raises:
        MissingError: The file is absent, no dump, or ends before its end.
    """
    report = report if report is not None else DumpReport()
    listed, last = False, b""
    try:
        with _opened(path) as file:
            while line := file.readline(MAX_LINE):
                if not line.endswith(b"\n") and len(line) == MAX_LINE:
                    raise MissingError(
                        f"{path}, line {report.lines + 1}: over {MAX_LINE // 2**20} MB, too long for an entity of a dump."
                    )
                report.lines += 1
                listed, last = listed or (report.lines == 1 and line.strip() == b"["), line
                if report.lines > skip and (entity := _entity(line, languages, report)) is not None:
                    report.kept += 1
                    yield entity
                if progress is not None and report.lines % 1000 == 0:
                    progress(report)
    except FileNotFoundError:
        raise MissingError(f"no dump {path}; Wikidata offers latest-all.json.bz2 and .gz at dumps.wikimedia.org.") from None
    except (OSError, EOFError, zlib.error) as problem:
        raise MissingError(f"{path} cannot be read beyond line {report.lines}: {problem}; fetch it again.") from problem
    if listed and last.strip() != b"]":
        raise MissingError(f"{path} ends after line {report.lines} without the end of its list; fetch it again.")
    if not report.kept:
        raise MissingError(
            f"{path} holds no entity with a label in {', '.join(languages)}; expected a Wikidata JSON dump, one entity per line, or KILT's articles."
        )


def _opened(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        head = file.read(3)
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(path, "rb"))
    return cast(IO[bytes], bz2.open(path, "rb")) if head == b"BZh" else path.open("rb")


def _entity(line: bytes, languages: tuple[str, ...], report: DumpReport) -> Entity | None:
    stripped = line.strip().rstrip(b",")
    if stripped in (b"", b"[", b"]"):
        return None
    try:
        item = (
            usable(json.loads(stripped), f"line {report.lines}", LoadReport("dump"))
            if b"\\u" in stripped
            else json.loads(stripped)
        )
        if isinstance(item, dict) and "wikipedia_title" in item:
            return kilt_entity(item)
        if not isinstance(item, dict) or not isinstance(item.get("id"), str):
            raise ValueError("no entity")
        if item.get("type") != "item":
            report.others += 1
            return None
        label = _first(item.get("labels"), languages)
        if not label:
            report.without_label += 1
            return None
        return Entity(
            id=item["id"],
            name=label,
            aliases=tuple(alias for alias in dict.fromkeys(_all(item.get("aliases"), languages)) if alias != label),
            qid=item["id"],
            description=_first(item.get("descriptions"), languages),
            type=_type(item.get("claims")),
            popularity=float(len(item.get("sitelinks") or ())),
        )
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        report.broken += 1
        report.first_broken = report.first_broken or report.lines
        return None


def _first(texts: Any, languages: tuple[str, ...]) -> str:
    """The text in the first language that has one; an empty map is written as [] in places."""
    by_language = texts if isinstance(texts, dict) else {}
    return next((str(by_language[language]["value"]) for language in languages if language in by_language), "")


def _all(texts: Any, languages: tuple[str, ...]) -> Iterator[str]:
    by_language = texts if isinstance(texts, dict) else {}
    for language in languages:
        for text in by_language.get(language, ()):
            yield str(text["value"])


def _type(claims: Any) -> str | None:
    statements = claims.get("P31", ()) if isinstance(claims, dict) else ()
    ranked = sorted(
        (statement for statement in statements if statement.get("rank") != "deprecated"),
        key=lambda statement: statement.get("rank") != "preferred",
    )
    for statement in ranked:
        value = statement.get("mainsnak", {}).get("datavalue", {}).get("value", {})
        if isinstance(value, dict) and isinstance(value.get("id"), str):
            return str(value["id"])
    return None
