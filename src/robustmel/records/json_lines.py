"""JSON lines, read strictly: a file is taken whole or refused with the place of its first fault."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from robustmel.errors import MissingError
from robustmel.records.load_report import LoadReport

MAX_DIGITS = 300
"""Of a whole number: more are no id and no count, and would overflow wherever one is computed with."""
_UNUSABLE = re.compile("[\x00\ud800-\udfff]")
_ARCHIVES = {b"PK\x03\x04": "zip", b"\x1f\x8b": "gzip", b"BZh": "bzip2", b"7z\xbc\xaf": "7z", b"\xfd7zXZ": "xz"}


class Line(NamedTuple):
    """One record and where it stands ("mentions.jsonl:12")."""

    place: str
    values: dict[str, Any]


def archive_kind(path: Path) -> str | None:
    """The kind of archive a file is, by its first bytes; None for any other file."""
    with path.open("rb") as file:
        head = file.read(8)
    return next((kind for magic, kind in _ARCHIVES.items() if head.startswith(magic)), None)


def read_lines(path: Path, report: LoadReport) -> Iterator[Line]:
    """Every record of a file of JSON objects, one a line; blank lines, a byte-order mark and CRLF are allowed.

    Characters that no text holds (NUL, halves of a surrogate pair, written as escapes) are replaced by U+FFFD, one for one
    so that spans stay true, and counted in the report as `replaced_characters`.

    Raises:
        MissingError: The file is unreadable, an archive, not UTF-8, or has a line that is no JSON object (NaN, a key twice
            and nesting beyond reason included); the sentence names file, line and what was expected.
    """
    try:
        if kind := archive_kind(path):
            raise MissingError(f"{path} is a {kind} archive; unpack it and give what was in it.")
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                place = f"{path.name}:{number}"
                if number == 1:
                    _refuse_other_layouts(path, raw)
                    raw = raw.removeprefix(b"\xef\xbb\xbf")
                if raw.strip():
                    yield Line(place, _record(path, place, raw, report))
    except OSError as problem:
        raise MissingError(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _refuse_other_layouts(path: Path, first: bytes) -> None:
    if first.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MissingError(f"{path} is UTF-16; save it as UTF-8.")
    start = first.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"["):
        raise MissingError(f"{path} is one JSON list, expected one JSON object per line; write each item on its own line.")
    if start.rstrip() == b"{":
        raise MissingError(
            f"{path} is one JSON object over many lines, expected one object per line; write each record on its own line."
        )


def _record(path: Path, place: str, raw: bytes, report: LoadReport) -> dict[str, Any]:
    values = parsed(raw, path.name, place, "the line", report)
    if not isinstance(values, dict):
        raise MissingError(f"{place}: expected a JSON object ({{...}}), found {kind_of(values)}.")
    return values


def parsed(
    raw: bytes, file: str, place: str | None, what: str, report: LoadReport, constant: Callable[[str], Any] | None = None
) -> Any:
    """The JSON value of some bytes, without the characters that no text holds.

    Args:
        raw: UTF-8.
        file: Name of the file, for messages.
        place: Where the bytes stand; None for a whole file, whose lines are then counted.
        what: What the bytes are, for messages: "the line", "the file".
        report: Where `replaced_characters` are counted.
        constant: What NaN and the infinities become; None refuses them.

    Raises:
        MissingError: It is not UTF-8, or no JSON (NaN, a key twice, a number of over `MAX_DIGITS` digits, nesting beyond reason).
    """
    if raw.startswith(b"\xef\xbb\xbf"):
        raise MissingError(f"{place or file}: {what} begins with a byte-order mark (files joined, perhaps); remove it.")
    try:
        value = json.loads(
            raw.decode(), object_pairs_hook=unique, parse_constant=constant or no_constant, parse_int=whole_number
        )
        return usable(value, place or file, report) if b"\\u" in raw or b"\0" in raw else value
    except UnicodeDecodeError as problem:
        line = raw.count(b"\n", 0, problem.start) + 1
        here = place or f"{file}:{line}"
        raise MissingError(
            f"{here}: byte {problem.start + 1} of {what} (0x{raw[problem.start]:02x}) is not UTF-8; convert {file} (from Latin-1,"
            " perhaps) to UTF-8."
        ) from problem
    except RecursionError as problem:
        raise MissingError(
            f"{place or file}: nested too deeply to be a record or a data set; write it with less nesting."
        ) from problem
    except json.JSONDecodeError as problem:
        here, character = (place, problem.pos + 1) if place else (f"{file}:{problem.lineno}", problem.colno)
        raise MissingError(
            f"{here}: not JSON: {problem.msg} at character {character} of the line; it may be cut short."
        ) from problem
    except ValueError as problem:
        raise MissingError(f"{place or file}: not JSON that can be read: {problem}.") from problem


def kind_of(value: object) -> str:
    """A JSON value's type in words."""
    if isinstance(value, bool):
        return "true or false"
    words = {type(None): "null", str: "a string", int: "a number", float: "a number", list: "a list", dict: "an object"}
    return words.get(type(value), type(value).__name__)


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json.loads`: an object, refused (`ValueError`) where a key appears in it twice."""
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise ValueError(f"the key {json.dumps(key)} appears in it twice")
            seen.add(key)
    return values


def whole_number(digits: str) -> int:
    """For `json.loads`: a whole number, exactly; refused (`ValueError`) where it has more digits than any id or count."""
    if len(digits) > MAX_DIGITS:
        raise ValueError(
            f"a number of {len(digits):,} digits appears in it; over {MAX_DIGITS} is too long for an id or a count"
        )
    return int(digits)


def no_constant(constant: str) -> None:
    """For `json.loads`: refuses NaN and the infinities (`ValueError`)."""
    raise ValueError(f"{constant} is not a JSON value; write null or a number")


def usable(value: Any, place: str, report: LoadReport) -> Any:
    """The value with characters that no text holds (NUL, half a surrogate pair) replaced by U+FFFD, counted in the report."""
    if isinstance(value, str):
        replaced, count = _UNUSABLE.subn("\ufffd", value)
        for _ in range(count):
            report.remark("replaced_characters", place)
        return replaced
    if isinstance(value, list):
        return [usable(item, place, report) for item in value]
    if isinstance(value, dict):
        return {usable(key, place, report): usable(item, place, report) for key, item in value.items()}
    return value
