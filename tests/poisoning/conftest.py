"""A data set whose records are as odd as they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

LONG = "word " * 1_999 + "Paris"
ODD = [
    ("plain", "Paris", "The old walls of Paris shine brightly."),
    ("absent", "Paris", "The old walls of Rome shine brightly."),
    ("whole", "Paris", "Paris"),
    ("empty", "Paris", ""),
    ("long", "Paris", LONG),
    ("emoji", "👩‍👩‍👧", "Happy family 👩‍👩‍👧 walking slowly 👍🏽"),
    ("rtl", "باريس", "جدران باريس القديمة tall walls"),
    ("html", "Paris", 'A <script>alert(1)</script> & "walls" of Paris \u202egnp'),
    ("marked", "Paris", "Tall walls of [START_ENT] Paris [END_ENT] shining"),
]


def mentions() -> list[dict[str, Any]]:
    rows = [
        {"id": name, "gold": "Q90", "surface": surface, "text": text, "image": f"images/{name}.png", "split": "train"}
        for name, surface, text in ODD
    ]
    rows += [
        {"id": f"train {number}", "gold": f"Q{number}", "surface": "Rome", "text": f"Rome stands on {number} green hills.",
         "image": f"images/{number}.png", "split": "train"}
        for number in range(1, 12)
    ]  # fmt: skip
    rows += [{"id": "held out", "gold": "Q1", "surface": "Rome", "text": "Rome stands on many hills.", "split": "test"}]
    return rows


@pytest.fixture
def odd_data(tmp_path: Path) -> Path:
    """The folder of the data set; none of the images that it names is there."""
    folder = tmp_path / "data"
    folder.mkdir()
    entities = [{"id": "Q90", "name": "Paris"}, *({"id": f"Q{number}", "name": f"Rome {number}"} for number in range(1, 12))]
    (folder / "mentions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in mentions()), "utf-8")
    (folder / "entities.jsonl").write_text("".join(json.dumps(row) + "\n" for row in entities), "utf-8")
    return folder
