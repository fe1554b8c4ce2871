"""Whatever the bytes, a file is read whole or refused in one sentence: no other exception, no silently shorter data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustmel.datasets.check import check
from robustmel.datasets.jsonl import JSONL
from robustmel.errors import RobustMELError

FUZZ = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["Q1", "Q230", "nil", "../a"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
KEYS = ("id", "gold", "surface", "text", "span", "image", "candidates", "split", "name", "aliases", "popularity", "images")


def whole_or_refused(folder: Path) -> None:
    expected = sum(bool(line.strip()) for line in (folder / "mentions.jsonl").read_bytes().split(b"\n"))
    try:
        dataset, refusal = JSONL(folder).load(), ""
    except RobustMELError as problem:
        dataset, refusal = None, str(problem)
    if dataset is None:
        assert refusal.endswith(".")
        assert "\n" not in refusal
        return
    assert len(dataset.mentions) == expected
    report = check(dataset, verify_images=False)
    assert report.mentions == expected
    json.loads(report.to_json())
    report.to_text().encode("utf-8")


@FUZZ
@given(data=st.data(), target=st.sampled_from(["mentions.jsonl", "entities.jsonl"]))
def test_mutated_and_truncated_bytes(write, data: st.DataObject, target: str) -> None:
    folder = write()
    content = bytearray((folder / target).read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    (folder / target).write_bytes(content[: data.draw(st.integers(0, len(content)))])
    whole_or_refused(folder)


@FUZZ
@given(record=st.dictionaries(st.sampled_from(KEYS), VALUES, min_size=1), target=st.sampled_from(["mentions", "entities"]))
def test_values_of_any_type(write, record: dict[str, Any], target: str) -> None:
    base = {"mentions": {"id": "n", "gold": "Q1", "surface": "Chad"}, "entities": {"id": "n", "name": "Chad"}}[target]
    folder = write()
    with (folder / f"{target}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(base | record) + "\n")
    whole_or_refused(folder)


@FUZZ
@given(
    text=st.text(max_size=60),
    encoding=st.sampled_from(
        ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "shift_jis", "utf-7"]
    ),
    escaped=st.booleans(),
)
def test_encodings(write, text: str, encoding: str, escaped: bool) -> None:
    line = json.dumps({"id": "n", "gold": "Q1", "surface": "Chad", "text": text}, ensure_ascii=escaped)
    folder = write(mentions=f"{line}\r\n".encode(encoding, "replace"))
    whole_or_refused(folder)


@FUZZ
@given(content=st.binary(max_size=200))
def test_any_bytes(write, content: bytes) -> None:
    whole_or_refused(write(mentions=content))
