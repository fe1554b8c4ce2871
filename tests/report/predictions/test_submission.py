from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any
from unicodedata import normalize

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustmel.errors import MissingError
from robustmel.report.predictions.submission import LONGEST_LINE, Answer, read_submission


def file(folder: Path, *rows: Any) -> Path:
    path = folder / "predictions.jsonl"
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return path


def test_the_forms_of_a_prediction(tmp_path: Path) -> None:
    found = read_submission(
        file(
            tmp_path,
            {"set": "s", "linker": "ours", "task": "I2T", "other": 1},
            {"id": "ranked", "ranked": ["a", 7], "scores": [2, 1.5]},
            {"id": "order", "ranked": ["a", "b"]},
            {"id": "one", "prediction": "a"},
            {"id": normalize("NFD", "é"), "prediction": normalize("NFD", "ü")},
            {"id": "nil", "prediction": None},
            {"id": "empty", "ranked": []},
            {"id": 5, "error": "out of memory"},
            '{"id": "nan", "ranked": ["a"], "scores": [NaN]}',
        )
    )
    assert (found.linker, found.task, found.set) == ("ours", "I2T", "s")
    known = {key: only for key, (only,) in found.answers.items()}
    assert known["ranked"] == Answer(("a", "7"), (2.0, 1.5), None)
    assert known["order"] == Answer(("a", "b"), None, None)
    assert known[normalize("NFC", "é")] == Answer((normalize("NFC", "ü"),), None, None)
    assert known["one"] == Answer(("a",), None, None)
    assert known["nil"] == known["empty"] or known["nil"].ranked == known["empty"].ranked == ()
    assert known["5"] == Answer((), None, "out of memory")
    assert known["nan"].scores is not None
    assert math.isnan(known["nan"].scores[0])


def test_without_a_first_line_of_its_own_a_file_is_called_like_itself(tmp_path: Path) -> None:
    found = read_submission(file(tmp_path, "\ufeff" + json.dumps({"id": "m", "prediction": "a"}), "", ""))
    assert (found.linker, found.task, found.set, len(found.answers)) == ("predictions", "IT2T", None, 1)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("{", "predictions.jsonl:2: not JSON"),
        ("[1]", "found a list"),
        ('{"id": "m", "id": "n", "prediction": "a"}', "appears in it twice"),
        ('{"prediction": "a"}', "id holds null"),
        ('{"id": true, "prediction": "a"}', "id holds true or false"),
        ('{"id": "m"}', "either ranked"),
        ('{"id": "m", "ranked": ["a"], "prediction": "a"}', "either ranked"),
        ('{"id": "m", "ranked": "a"}', "ranked is a string"),
        ('{"id": "m", "ranked": [["a"]]}', "ranked holds a list"),
        ('{"id": "m", "ranked": ["a"], "scores": [1, 2]}', "as many scores as ranked ids"),
        ('{"id": "m", "ranked": ["a"], "scores": ["1"]}', "not a number"),
        ('{"id": "m", "ranked": ["a"], "scores": [1' + "0" * 400 + "]}", "401 digits"),
        ("[" * 100_000, "nested too deeply"),
        ('{"id": "' + "m" * LONGEST_LINE + '"}', "longer than"),
    ],
)
def test_a_line_that_is_no_prediction_is_refused_with_its_place(tmp_path: Path, row: str, says: str) -> None:
    path = file(tmp_path, {"id": "m0", "prediction": "a"}, row)
    with pytest.raises(MissingError) as caught:
        read_submission(path)
    assert says in str(caught.value)
    assert "predictions.jsonl:2" in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ('{"mention": "m", "prediction": "a"}', "neither an id"),
        ('{"set": 5}', "set is a number"),
        ('{"linker": "x", "task": "T2I"}', "expected one of I2T"),
        ('{"linker": "x", "accuracy": "high"}', "accuracy is a string"),
    ],
)
def test_a_first_line_that_makes_no_sense_is_refused(tmp_path: Path, row: str, says: str) -> None:
    with pytest.raises(MissingError, match=says):
        read_submission(file(tmp_path, row, {"id": "m", "prediction": "a"}))


def test_a_file_that_holds_nothing_or_is_not_there_is_refused(tmp_path: Path) -> None:
    for path in (file(tmp_path, {"set": "s"}), tmp_path / "nowhere.jsonl", tmp_path):
        with pytest.raises(MissingError):
            read_submission(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "ranked", "scores", "set"]), inner),
    max_leaves=6,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.lists(JSON, min_size=1, max_size=3))
def test_anything_is_either_read_or_refused_in_a_sentence(tmp_path: Path, rows: list[Any]) -> None:
    try:
        found = read_submission(file(tmp_path, *(json.dumps(row) for row in rows)))
    except MissingError:
        return
    assert found.answers


def test_what_is_no_plain_file_is_refused_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(MissingError, match="no plain file"):
        read_submission(tmp_path / "pipe.jsonl")
    with pytest.raises(MissingError, match="a folder"):
        read_submission(tmp_path)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"id": "m2", "ranked": ["Z\xfcrich"]}', r"p\.jsonl:2: byte 27 of the line \(0xfc\) is not UTF-8; convert p\.jsonl"),
        (b"[" * 100_000, r"p\.jsonl:2: nested too deeply .* less nesting\.$"),
        (b'\xef\xbb\xbf{"id": "m2", "ranked": ["Q1"]}', r"p\.jsonl:2: the line begins with a byte-order mark .* remove it\.$"),
    ],
    ids=["latin-1", "nesting", "byte-order mark"],
)
def test_a_line_that_is_no_text_or_no_json_is_told_in_our_own_words(tmp_path: Path, line: bytes, said: str) -> None:
    (tmp_path / "p.jsonl").write_bytes(b'{"id": "m1", "ranked": ["Q1"]}\n' + line + b"\n")
    with pytest.raises(MissingError, match=said):
        read_submission(tmp_path / "p.jsonl")
