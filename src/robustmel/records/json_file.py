"""One whole JSON file, read strictly: taken as it is or refused with the place of its fault."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from robustmel.errors import MissingError
from robustmel.records.json_lines import archive_kind, kind_of, parsed
from robustmel.records.load_report import LoadReport

_FIRST_KEY = re.compile(r'\{\s*"(?:[^"\\]|\\.)*"\s*:\s*')


def read_json(path: Path, report: LoadReport) -> Any:
    """The value of a JSON file; a byte-order mark is allowed.

    Characters that no text holds (NUL, halves of a surrogate pair) are replaced by U+FFFD and counted as `replaced_characters`.

    Raises:
        MissingError: The file is unreadable, an archive, not UTF-8, or no JSON (NaN, a key twice and nesting beyond reason
            included); the sentence names file and place.
    """
    try:
        if kind := archive_kind(path):
            raise MissingError(f"{path} is a {kind} archive; unpack it and give what was in it.")
        raw = path.read_bytes()
    except OSError as problem:
        raise MissingError(f"{path} cannot be read: {problem.strerror or problem}.") from problem
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise MissingError(f"{path} is UTF-16; save it as UTF-8.")
    return parsed(raw.removeprefix(b"\xef\xbb\xbf"), path.name, None, "the file", report)


def read_records(path: Path, report: LoadReport) -> Iterator[tuple[str, Any]]:
    """Place and value of every record of a file that is one JSON list; an empty list is counted as `empty_split_files`.

    Raises:
        MissingError: See `read_json`; or it is no list.
    """
    values = read_json(path, report)
    if not isinstance(values, list):
        raise MissingError(f"{path} is {kind_of(values)}; expected one JSON list of records.")
    if not values:
        report.remark("empty_split_files", path.name)
    for number, value in enumerate(values, start=1):
        yield f"{path.name}, record {number}", value


def first_record(path: Path) -> tuple[Literal["list", "object", "lines"], Any] | None:
    """What kind of file of records this is, and its first record, out of its first megabyte; None for any other file."""
    decoder = json.JSONDecoder()
    try:
        with path.open("rb") as file:
            text = file.read(1 << 20).decode("utf-8-sig", "replace").lstrip()
        if text.startswith("["):
            return "list", decoder.raw_decode(text, len(text) - len(text[1:].lstrip()))[0]
        key = _FIRST_KEY.match(text)
        if key is None:
            return None
        if text[key.end() : key.end() + 1] == "{":
            return "object", decoder.raw_decode(text, key.end())[0]
        return "lines", decoder.raw_decode(text)[0]
    except (OSError, ValueError, RecursionError):
        return None


def holds(path: Path, kinds: tuple[str, ...], *keys: str) -> bool:
    """Whether a file holds records of one of these kinds (see `first_record`) whose first has these keys."""
    first = first_record(path)
    return first is not None and first[0] in kinds and isinstance(first[1], dict) and all(key in first[1] for key in keys)
