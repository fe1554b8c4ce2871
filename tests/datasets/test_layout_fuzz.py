"""Foreign layouts, whatever their bytes: read whole or refused in one sentence, never a traceback, never silently shorter."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from robustmel.datasets import DATASETS
from robustmel.datasets.check import check
from robustmel.errors import RobustMELError

FUZZ = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
PAGE = "https://en.wikipedia.org/wiki/"


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


CAPTION = ["The Herons win.", "https://x.org/H%20s.JPG", "sports"]
MELBENCH = {
    "1": {"id": "1", "sentence": "Ada and Bo.", "mentions": ["Ada", "Bo"], "entities": ["A", "B"], "answer": ["Q1", "nil"]}
}
MIMIC = [{"id": "1-0", "sentence": "A dog.", "imgPath": "1.svg.png", "mentions": "a%20dog", "entities": "Dog", "answer": "Q1"}]
KB = [{"id": 0, "type": "entity", "entity_name": "A%20dog", "qid": "Q1", "attr": "x", "image_list": ["Q1_0.jpg"]}]
RAW = [[*CAPTION, [["Herons", "Organization", 4, 10, "n" + PAGE + "Herons"], ["X", "Person", 0, 1, "NIL"]]]]
TEN = [
    [*CAPTION[:2], "Herons", "Organization", ["the"], ["win"], PAGE + "Herons", [PAGE + "A", PAGE + "Herons"], "sports", 4, 10]
]
PERSON = [{"id": 3, "image": "a.jpg", "boundingbox": "[1.5, -2, 30, 40]", "wikiid": "Q1"}]
M3EL = [
    {"Qid": "Q1", "name": "Otter", "description": "d", "sentence": "An Otter.\n", "image": ["o.jpg", "https://x", "/M3EL/a_candidates_images/o.jpg"]}
    | {"candidates": [{"Qid": "Q1", "name": "Otter", "description": "d", "image": []}]}
]  # fmt: skip
GEMEL = {"text": "An [START_ENT] Otter [END_ENT].", "mention": "Otter", "img_name": "1.jpg", "golden": "Q1", "target": "Otter"}

LAYOUTS: dict[str, tuple[str, dict[str, str], str, Callable[[Any], int]]] = {
    "melbench": (
        "wikimel",
        {"Wikidata-MEL.json": json.dumps(MELBENCH)},
        "Wikidata-MEL.json",
        lambda read: sum(len(listed(one["mentions"])) for one in read.values()),
    ),
    "mimic": (
        "wikimel",
        {"WIKIMEL_train.json": json.dumps(MIMIC), "kb_entity.json": json.dumps(KB), "qid2id.json": '{"Q1": 0}'},
        "WIKIMEL_train.json",
        len,
    ),
    "wikidiverse-raw": ("wikidiverse", {"train.json": json.dumps(RAW)}, "train.json", lambda read: sum(len(one[3]) for one in read)),
    "wikidiverse-ten": ("wikidiverse", {"train_w_10cands.json": json.dumps(TEN)}, "train_w_10cands.json", len),
    "wikiperson": ("wikiperson", {"WIKIPerson_Test.json": json.dumps(PERSON)}, "WIKIPerson_Test.json", len),
    "m3el": ("m3el", {"M3EL.json": json.dumps(M3EL, indent=1)}, "M3EL.json", len),
    "gemel": ("wikimel", {"train.json": json.dumps(GEMEL) + "\n"}, "train.json", lambda read: 1),
}  # fmt: skip


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")
    return folder


def whole_or_refused(name: str, folder: Path, expected: int | None) -> None:
    """Loads the folder; `expected` is how many mentions an independent reading counts, None where it cannot tell."""
    refusal = ""
    try:
        dataset = DATASETS.create(name, path=str(folder)).load()
    except RobustMELError as problem:
        refusal = str(problem)
    if refusal:
        assert refusal.endswith(".")
        assert "\n" not in refusal
        return
    assert expected is None or len(dataset.mentions) == expected
    report = check(dataset, verify_images=False)
    json.loads(report.to_json())
    report.to_text().encode("utf-8")


def independently(file: Path, count: Callable[[Any], int]) -> int | None:
    try:
        return count(json.loads(file.read_text("utf-8-sig")))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        return None


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_small_folder_of_every_layout_is_read(tmp_path: Path, layout: str) -> None:
    name, files, main, count = LAYOUTS[layout]
    dataset = DATASETS.create(name, path=str(write(tmp_path, files))).load()
    assert len(dataset.mentions) == count(json.loads(files[main]))
    assert any(mention.gold is not None for mention in dataset.mentions)


@pytest.mark.parametrize("layout", LAYOUTS)
@FUZZ
@given(data=st.data())
def test_mutated_and_truncated_bytes(tmp_path_factory: pytest.TempPathFactory, layout: str, data: st.DataObject) -> None:
    name, files, main, count = LAYOUTS[layout]
    folder = write(tmp_path_factory.mktemp("set"), files)
    target = folder / data.draw(st.sampled_from(sorted(files)))
    content = bytearray(target.read_bytes())
    for place in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[place] = data.draw(st.integers(0, 255))
    target.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    whole_or_refused(name, folder, independently(folder / main, count))


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(["Q1", "nil", "../a", "%zz"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def replaced(value: Any, place: int, new: Any) -> tuple[Any, int]:
    """The value with its `place`-th leaf or branch (counted depth first) replaced, and how many places were passed."""
    if place == 0:
        return new, 1
    passed = 1
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    made = dict(value) if isinstance(value, dict) else list(value) if isinstance(value, list) else value
    for key, one in items:
        changed, more = replaced(one, place - passed, new) if place >= passed else (one, 0)
        made[key] = changed
        passed += more
    return made, passed


@pytest.mark.parametrize("layout", LAYOUTS)
@FUZZ
@given(place=st.integers(0, 40), value=VALUES)
def test_values_of_any_type_anywhere(tmp_path_factory: pytest.TempPathFactory, layout: str, place: int, value: Any) -> None:
    name, files, main, count = LAYOUTS[layout]
    changed, _ = replaced(json.loads(files[main]), place, value)
    folder = write(tmp_path_factory.mktemp("set"), files | {main: json.dumps(changed) + "\n"})
    whole_or_refused(name, folder, independently(folder / main, count))


@pytest.mark.parametrize("layout", LAYOUTS)
@FUZZ
@given(encoding=st.sampled_from(["utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "shift_jis", "utf-7"]))
def test_other_encodings(tmp_path_factory: pytest.TempPathFactory, layout: str, encoding: str) -> None:
    name, files, main, count = LAYOUTS[layout]
    folder = write(tmp_path_factory.mktemp("set"), files)
    (folder / main).write_bytes(files[main].replace("Ada", "Adé").encode(encoding, "replace"))
    whole_or_refused(name, folder, independently(folder / main, count))
    if encoding == "utf-8-sig":
        assert DATASETS.create(name, path=str(folder)).load().mentions
