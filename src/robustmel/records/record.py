"""The keys of the own data format, and how a file's keys are mapped to them."""

import json
import math
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn
from unicodedata import normalize

from robustmel.errors import MissingError, UsageError, printable
from robustmel.records.json_lines import Line, kind_of, read_lines
from robustmel.records.load_report import LoadReport
from robustmel.registry import suggestion

MENTION_KEYS = dict.fromkeys(("id", "gold", "surface"), True)
MENTION_KEYS |= dict.fromkeys(("text", "span", "image", "candidates", "split", "topic", "box"), False)
"""Keys of a line of mentions.jsonl -> whether it must be there."""

ENTITY_KEYS = dict.fromkeys(("id", "name"), True)
ENTITY_KEYS |= dict.fromkeys(("aliases", "qid", "description", "text", "type", "popularity", "images"), False)
"""Keys of a line of entities.jsonl -> whether it must be there."""

_NIL = frozenset({"", "nil", "none", "null"})


def is_nil(value: str | None) -> bool:
    """Whether a value is one of the spellings of "in no knowledge base"."""
    return value is None or value.strip().casefold() in _NIL


def names_in_file(kind: str, keys: Mapping[str, bool], fields: Mapping[str, str] | None) -> dict[str, str]:
    """Own key -> the file's key, for one of the two files.

    Args:
        kind: "mentions" or "entities".
        keys: `MENTION_KEYS` or `ENTITY_KEYS`.
        fields: Own key -> the file's key; "mentions.id" or "entities.id" where the two files differ.

    Raises:
        UsageError: `fields` names a key that neither file has, or maps one to something that is no string.
    """
    if fields is not None and not isinstance(fields, Mapping):
        raise UsageError(f'fields must be a table, own key = "the file\'s key", found {kind_of(fields)}.')
    names = {key: key for key in keys}
    own_keys = {**MENTION_KEYS, **ENTITY_KEYS}
    for qualified in (False, True):  # the more specific entry wins
        for ours, theirs in (fields or {}).items():
            scope, dot, key = ours.rpartition(".")
            if ours not in own_keys and scope not in ("mentions", "entities"):
                raise UsageError(f'fields maps "{ours}", which is not a key of the format. {suggestion(ours, own_keys)}')
            if dot and scope == kind and key not in keys:
                raise UsageError(f'fields maps "{ours}", which is not a key of {kind}.jsonl. {suggestion(key, keys)}')
            if not isinstance(theirs, str):
                raise UsageError(f'fields maps "{ours}" to {kind_of(theirs)}; expected the name of a key in the file.')
            if bool(dot) == qualified and scope in ("", kind) and key in keys:
                names[key] = theirs
    return names


class Record:
    """Typed access to one line by the format's own keys.

    Args:
        line: The record and its place.
        names: Own key -> the file's key, from `names_in_file`.
        keys: Own key -> whether it must be there.

    Raises:
        MissingError: A required key is absent; this and every error names the record.
    """

    def __init__(self, line: Line, names: Mapping[str, str], keys: Mapping[str, bool]) -> None:
        self.place, self._values = line
        self._names = names
        for key, needed in keys.items():
            if needed and names[key] not in self._values:
                has = printable(", ".join(list(self._values)[:12])) or "none"
                raise MissingError(
                    f'{self.place}: no key "{names[key]}"{"" if names[key] == key else f" (for {key})"}; the record has: {has}. '
                    f'Add it, or map it with fields = {{{key} = "..."}}.'
                )

    def ignored(self) -> list[str]:
        """Keys of the file that the format does not know."""
        used = set(self._names.values())
        return [key for key in self._values if key not in used]

    def _get(self, key: str) -> Any:
        return self._values.get(self._names[key])

    def _wrong(self, key: str, expected: str) -> NoReturn:
        value = self._get(key)
        type_name = f"{kind_of(value)} ({value})" if type(value) is float else kind_of(value)
        raise MissingError(f"{self.place}: {json.dumps(self._names[key])} must be {expected}, found {type_name}.")

    def identifier(self, key: str) -> str:
        """A non-empty id, in Unicode's composed form (NFC); whole numbers are read as their digits, however many."""
        value = self.optional_identifier(key)
        if value is None or not value.strip():
            self._wrong(key, "a non-empty string")
        return value

    def optional_identifier(self, key: str) -> str | None:
        """An id or None."""
        value = self._get(key)
        return None if value is None else self._as_id(key, value)

    def _as_id(self, key: str, value: object) -> str:
        if not isinstance(value, str | int) or isinstance(value, bool):
            self._wrong(key, "a string (or a whole number)")
        return normalize("NFC", str(value))

    def text(self, key: str) -> str:
        """A string; "" where the key is absent or null."""
        value = self._get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            self._wrong(key, "a string")
        return value

    def required_text(self, key: str) -> str:
        """A string that may be empty but not null."""
        if self._get(key) is None:
            self._wrong(key, "a string")
        return self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of strings; () where the key is absent or null."""
        value = self._get(key)
        if value is None:
            return ()
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self._wrong(key, "a list of strings")
        return tuple(value)

    def one_or_more(self, key: str) -> tuple[str, ...]:
        """A list of strings, or one string as a list of one; () where the key is absent or null."""
        value = self._get(key)
        return (value,) if isinstance(value, str) else self.texts(key)

    def identifiers(self, key: str) -> tuple[str | None, ...] | None:
        """A list of ids, some of which may be null; None where the key is absent or null."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, list):
            self._wrong(key, "a list of entity ids")
        return tuple(None if item is None else sys.intern(self._as_id(key, item)) for item in value)  # many lists, few entities

    def weight(self, key: str) -> float:
        """A finite number from 0 on; 0 where the key is absent or null."""
        value = self._get(key)
        if value is None:
            return 0.0
        if isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 1e300 or not math.isfinite(value):
            self._wrong(key, "a finite number")
        if value < 0:
            self._wrong(key, "a number from 0 on")
        return float(value)

    def box(self, key: str) -> tuple[float, float, float, float] | None:
        """Four finite numbers; None where the key is absent or null."""
        value = self._get(key)
        if value is None:
            return None
        sound = isinstance(value, list) and len(value) == 4
        if not sound or not all(
            isinstance(number, int | float) and abs(number) < 1e9 and not isinstance(number, bool) for number in value
        ):
            self._wrong(key, "[left, top, right, bottom], four finite numbers")
        left, top, right, bottom = (float(number) for number in value)
        return left, top, right, bottom

    def span(self, key: str) -> tuple[int, int] | None:
        """Two whole numbers; None where the key is absent or null."""
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, list) or len(value) != 2 or not all(type(item) is int for item in value):
            self._wrong(key, "[start, end], two whole numbers")
        return value[0], value[1]


def raw_record(place: str, values: object, *required: str) -> Record:
    """Typed access to a record of a foreign file by the file's own keys.

    Raises:
        MissingError: It is no object, or lacks a required key.
    """
    if not isinstance(values, dict):
        raise MissingError(f"{place}: expected a record ({{...}}), found {kind_of(values)}.")
    names = {key: key for key in (*values, *required)}
    return Record(Line(place, values), _Same(names), dict.fromkeys(required, True))


class _Same(dict[str, str]):
    """Every key under its own name, those that are absent too."""

    def __missing__(self, key: str) -> str:
        return key


def read_unique(
    path: Path, kind: str, keys: Mapping[str, bool], fields: Mapping[str, str] | None, report: LoadReport
) -> Iterator[Record]:
    """Every record of a file in the own format; keys that the format does not know are counted once each as `ignored_keys`.

    Args:
        path: The file.
        kind: "mentions" or "entities".
        keys: `MENTION_KEYS` or `ENTITY_KEYS`.
        fields: Own key -> the file's key.
        report: Where findings are counted.

    Raises:
        MissingError: See `read_lines`; or an id stands in the file twice, or it holds no record.
    """
    names = names_in_file(kind, keys, fields)
    noun, seen, ignored = kind.removesuffix("s").replace("entitie", "entity"), set[int](), set[str]()
    for line in read_lines(path, report):
        record = Record(line, names, keys)
        for key in record.ignored():
            if key not in ignored:
                ignored.add(key)
                report.remark("ignored_keys", f"{path.name}: {key}")
        yield record
        if (
            known := hash(record.identifier("id"))
        ) in seen:  # ids and their places would take several times the room of their hashes
            _refuse_repeated(path, record, names, keys, noun)
        seen.add(known)
    if not seen:
        needed = [key for key, must in keys.items() if must]
        listed = f"{', '.join(needed[:-1])} and {needed[-1]}"
        raise MissingError(f"{path} holds no {noun}; expected one JSON object per line with at least {listed}.")


def _refuse_repeated(path: Path, repeated: Record, names: Mapping[str, str], keys: Mapping[str, bool], noun: str) -> None:
    """Says where the id of a record was used before it, if it was."""
    identifier = repeated.identifier("id")
    records = (Record(line, names, keys) for line in read_lines(path, LoadReport("")))
    first = next(record for record in records if record.identifier("id") == identifier)
    if first.place != repeated.place:
        raise MissingError(
            f'{repeated.place}: the {noun} id "{printable(identifier)}" is already used at {first.place}; ids must be unique.'
        )
