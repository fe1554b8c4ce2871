"""A file of predictions, read line by line: wrong form is refused, odd content is kept."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unicodedata import normalize

from robustmel.errors import MissingError
from robustmel.records.json_lines import kind_of, parsed
from robustmel.records.load_report import LoadReport
from robustmel.types import TASKS, Task

LONGEST_LINE = 1 << 20
"""Bytes; a thousand ids with scores take about fifty thousand."""
LONGEST_TEXT = 200
"""Characters kept of an id's or a name's or an error's text where it is not one of the set's."""
LARGEST_FILE = 1 << 30


@dataclass(frozen=True)
class Answer:
    """One line.

    Args:
        ranked: Entity ids; empty is NIL.
        scores: One a ranked id; None where only the order is given.
        error: Why there is no answer.
    """

    ranked: tuple[str, ...]
    scores: tuple[float, ...] | None
    error: str | None


@dataclass
class Submission:
    """A file of predictions.

    Args:
        path: Where it lies.
        header: What its first line says of the file; empty where that is a prediction already.
        answers: Mention id -> every different line about it, in their order.
    """

    path: Path
    header: dict[str, Any]
    answers: dict[str, list[Answer]] = field(default_factory=dict)

    @property
    def linker(self) -> str:
        """Its linker's name, the file's where it has none."""
        return str(self.header.get("linker") or self.path.stem)[:LONGEST_TEXT]

    @property
    def task(self) -> Task:
        """What was read: IT2T where the file does not say."""
        task: Task = self.header.get("task") or "IT2T"
        return task

    @property
    def set(self) -> str | None:
        """The hash of the set it was made on; None where the file does not say."""
        return self.header.get("set")


def read_submission(path: Path) -> Submission:
    """Reads a file of predictions.

    Raises:
        MissingError: It is unreadable, too large, or a line is no prediction; the sentence names the line and what was expected.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe without a writer is waited for, for ever
            raise MissingError(f"{path} is {'a folder' if path.is_dir() else 'no plain file'}, expected a file of predictions.")
        if path.stat().st_size > LARGEST_FILE:
            raise MissingError(f"{path} is larger than {LARGEST_FILE >> 30} GB; keep the best thousand ids of each line.")
        with path.open("rb") as file:
            return _read(path, _lines(path, file))
    except OSError as problem:
        raise MissingError(f"{path} cannot be read: {problem.strerror or problem}.") from problem


def _read(path: Path, lines: Iterator[tuple[str, dict[str, Any]]]) -> Submission:
    submission = Submission(path, {})
    for number, (place, values) in enumerate(lines):
        if number == 0 and "id" not in values:
            submission.header = _header(place, values)
            continue
        mention, answer = _answer(place, values)
        known = submission.answers.setdefault(mention, [])
        if answer not in known:
            known.append(answer)
    if not submission.answers:
        raise MissingError(
            f'{path} holds no prediction; expected a line for each mention, such as {{"id": "m1", "ranked": ["Q230", "Q1428"]}}.'
        )
    return submission


def _lines(path: Path, file: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    while raw := file.readline(LONGEST_LINE + 1):
        number += 1
        place = f"{path.name}:{number}"
        if len(raw) > LONGEST_LINE:
            raise MissingError(f"{place}: longer than {LONGEST_LINE >> 20} MB; keep the best thousand ids.")
        raw = raw.removeprefix(b"\xef\xbb\xbf") if number == 1 else raw
        if not raw.strip():
            continue
        values = parsed(raw, path.name, place, "the line", LoadReport("predictions"), constant=float)
        if not isinstance(values, dict):
            raise MissingError(f"{place}: expected a JSON object, found {kind_of(values)}.")
        yield place, values


def _header(place: str, values: dict[str, Any]) -> dict[str, Any]:
    if "set" not in values and "linker" not in values:
        raise MissingError(f"{place}: has neither an id (a prediction) nor a set or linker (a header).")
    for key in ("set", "linker", "task"):
        if values.get(key) is not None and not isinstance(values[key], str):
            raise MissingError(f"{place}: {key} is {kind_of(values[key])}, expected a string.")
    for key in ("accuracy", "n"):
        if values.get(key) is not None and (isinstance(values[key], bool) or not isinstance(values[key], int | float)):
            raise MissingError(f"{place}: {key} is {kind_of(values[key])}, expected a number.")
    if values.get("task") not in (None, *TASKS):
        raise MissingError(f"{place}: task is {str(values['task'])[:LONGEST_TEXT]!r}, expected one of {', '.join(TASKS)}.")
    return values


def _answer(place: str, values: dict[str, Any]) -> tuple[str, Answer]:
    mention = _id(place, "id", values.get("id"))
    if values.get("error") is not None:
        return mention, Answer((), None, str(values["error"])[:LONGEST_TEXT] or "unknown")
    if ("ranked" in values) == ("prediction" in values):
        raise MissingError(f"{place}: expected either ranked (a list of entity ids, best first) or prediction (one entity id).")
    if "prediction" in values:
        only = values["prediction"]
        return mention, Answer(() if only is None else (_id(place, "prediction", only),), None, None)
    ranked = values["ranked"] if values["ranked"] is not None else []
    if not isinstance(ranked, list):
        raise MissingError(f"{place}: ranked is {kind_of(ranked)}, expected a list of entity ids, best first.")
    return mention, Answer(tuple(_id(place, "ranked", entity) for entity in ranked), _scores(place, values, len(ranked)), None)


def _scores(place: str, values: dict[str, Any], count: int) -> tuple[float, ...] | None:
    scores = values.get("scores")
    if scores is None:
        return None
    if not isinstance(scores, list) or len(scores) != count:
        raise MissingError(f"{place}: expected as many scores as ranked ids ({count}), best first.")
    if any(score is not None and (isinstance(score, bool) or not isinstance(score, int | float)) for score in scores):
        raise MissingError(f"{place}: a score is not a number.")
    try:
        return tuple(math.nan if score is None else float(score) for score in scores)
    except OverflowError as problem:
        raise MissingError(f"{place}: a score is too large a number.") from problem


def _id(place: str, key: str, value: object) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise MissingError(f"{place}: {key} holds {kind_of(value)}, expected an id (a string).")
    return normalize("NFC", value)  # as data sets are read
