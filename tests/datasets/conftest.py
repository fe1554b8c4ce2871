"""A small data set in the own format, to be spoilt by the tests."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from robustmel.images import write_png

ENTITIES: list[dict[str, Any]] = [
    {
        "id": "Q230",
        "name": "Georgia",
        "aliases": ["Sakartvelo", "Georgia"],
        "qid": "Q230",
        "description": "land",
        "type": "country",
        "popularity": 12,
    },
    {"id": "Q1428", "name": "Georgia", "description": "state", "popularity": 31.5, "images": ["images/m1.png"]},
    {"id": "Q1", "name": "Chad", "text": "Looks like Romania."},
]
MENTIONS: list[dict[str, Any]] = [
    {
        "id": "m1",
        "gold": "Q230",
        "surface": "Georgia",
        "text": "Georgia in Tbilisi.",
        "image": "images/m1.png",
        "candidates": ["Q230", "Q1428"],
        "split": "train",
    },
    {
        "id": "m2",
        "gold": "Q1428",
        "surface": "Georgia",
        "text": "Georgia and Georgia's south.",
        "span": [12, 19],
        "image": "images/m2.png",
        "candidates": ["Q230", "Q1428"],
        "split": "test",
    },
    {
        "id": "m3",
        "gold": None,
        "surface": "Romania",
        "text": "Romania, a ship.",
        "image": "images/m3.png",
        "candidates": ["Q1"],
        "split": "test",
    },
]

Write = Callable[..., Path]


def lines(records: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the data set with records changed or appended (`m1={"span": [0, 3]}`), or whole files replaced."""

    def folder(
        mentions: list[dict[str, Any]] | bytes | None = None,
        entities: list[dict[str, Any]] | bytes | None = None,
        **changes: dict[str, Any],
    ) -> Path:
        target = tmp_path / "set"
        (target / "images").mkdir(parents=True, exist_ok=True)
        for seed, name in enumerate(("m1", "m2", "m3")):
            pixels = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
            write_png(target / "images" / f"{name}.png", pixels)
        for name, given, usual in (("mentions", mentions, MENTIONS), ("entities", entities, ENTITIES)):
            records = usual if given is None else given
            if isinstance(records, list):
                records = lines([record | changes.get(record.get("id", ""), {}) for record in records]).encode()
            (target / f"{name}.jsonl").write_bytes(records)
        return target

    return folder
