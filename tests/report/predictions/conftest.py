"""A published set written by hand, and files of predictions on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustmel.datasets.set_hashes import SetHashes, set_hashes

COUNT = 20


def lines(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


class Set:
    """Twenty mentions m0, m1, ... whose entities are a (even ones) and b; each chooses among a, b and c."""

    def __init__(self, folder: Path, title: str = "pgd-normal", digest: str = "0") -> None:
        self.folder, self.title, self.images = folder, title, {"0.png": digest}
        self.golds = ["ab"[number % 2] for number in range(COUNT)]
        mentions = [
            {"id": f"m{number}", "gold": gold, "surface": f"name {number}", "text": f"A name {number}.", "candidates": ["a", "b", "c"]}
            | {"image": f"images/{digest}{number}.png", "split": "test", "span": [2, 6 + len(str(number)) + 1]}
            for number, gold in enumerate(self.golds)
        ]  # fmt: skip
        lines(folder / "mentions.jsonl", mentions)
        lines(folder / "entities.jsonl", [{"id": one, "name": f"Name of {one}", "type": "letter"} for one in "abcd"])
        log = [
            {"id": f"q{number}", "mention_id": f"m{number}", "status": "ok", "image": "x", "iterations": 5, "zero_gradients": 0}
            | {
                "linf_u8": 0.03,
                "l2_u8": 1.0,
                "queries": 6,
                "succeeded": True,
                "succeeded_u8": True,
                "clean_image": str(number // 2),
            }
            for number in range(COUNT)
        ]
        pq.write_table(pa.Table.from_pylist(log), folder / "log.parquet")
        self.say()

    @property
    def hashes(self) -> SetHashes:
        return set_hashes(self.folder, self.images)

    def say(self, **changes: Any) -> None:
        about = {"attack": {"name": "pgd"}, "complete": True, "dataset": "toy", "images": self.images, "view": "I2T"}
        about |= {
            "title": self.title,
            "strength": "normal",
            "threat_model": "linf",
            "budget": "8/255",
            "source_title": "theirs",
        }
        about |= self.hashes._asdict() | changes
        (self.folder / "perturbation.json").write_text(json.dumps(about))

    def answers(self, right: int) -> list[dict[str, Any]]:
        """The first `right` mentions linked to their entity, the others to c."""
        return [
            {"id": f"m{number}", "ranked": [gold, "c"] if number < right else ["c", gold], "scores": [2.0, 1.0]}
            for number, gold in enumerate(self.golds)
        ]


@pytest.fixture
def made(tmp_path: Path) -> Set:
    return Set(tmp_path / "set")


@pytest.fixture
def another() -> Callable[..., Set]:
    return Set


@pytest.fixture
def write() -> Callable[[Path, list[dict[str, Any]]], Path]:
    return lines
