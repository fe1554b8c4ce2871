"""A run folder and a store written by hand: what the report reads, without a linker or an attack."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from robustmel.run.store import write_manifest

TEXTS = ("id", "mention_id", "gold", "surface", "text", "image", "cluster", "split")


def question(number: int, gold: str | None, candidates: Sequence[str], **fields: Any) -> dict[str, Any]:
    row = {"id": f"q{number}", "mention_id": f"m{number}", "gold": gold, "surface": f"surface {number}", "split": "test"}
    row |= {
        "text": f"A sentence with surface {number} in it.",
        "image": f"/nowhere/{number}.png",
        "cluster": gold or f"NIL {number}",
    }
    return row | {"candidates": list(candidates)} | fields


class FakeRun:
    """Writes artefacts and `run.json`, one call a cell."""

    def __init__(self, folder: Path) -> None:
        self.store, self.out = folder / "store", folder / "out"
        self.out.mkdir()
        self.cells: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.trained: list[str] = []
        self._number = 0

    def _write(self, kind: str, tables: dict[str, pa.Table], facts: dict[str, Any] | None = None) -> str:
        self._number += 1
        key = f"{self._number:02d}{kind}"
        folder = self.store / kind / key[:2] / key
        folder.mkdir(parents=True)
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet")
        write_manifest(folder, facts or {})
        return key

    def folder(self, kind: str, key: str) -> Path:
        return self.store / kind / key[:2] / key

    def questions(
        self, rows: Sequence[dict[str, Any]], names: dict[str, str] | None = None, descriptions: dict[str, str] | None = None
    ) -> str:
        schema = pa.schema([(name, pa.string()) for name in TEXTS] + [("candidates", pa.list_(pa.string()))])
        self.asked = list(rows)
        ids = sorted({one for row in rows for one in [*row["candidates"], row["gold"]] if one is not None})
        entities = [{"id": one, "name": (names or {}).get(one, f"Name of {one}")} for one in ids]
        entity_schema = pa.schema([("id", pa.string()), ("name", pa.string())])
        if descriptions is not None:
            entities = [entity | {"description": descriptions.get(entity["id"], "")} for entity in entities]
            entity_schema = entity_schema.append(pa.field("description", pa.string()))
        tables = {
            "candidates": pa.Table.from_pylist(list(rows), schema),
            "entities": pa.Table.from_pylist(entities, entity_schema),
        }
        self.candidates = self._write("candidates", tables)
        return self.candidates

    def rows(
        self,
        answers: Sequence[tuple[Sequence[str], Sequence[float]] | str],
        demos: Sequence[list[str] | None] | None = None,
        **facts: Any,
    ) -> str:
        """One answer a question: (ranked, scores), or a string: the error; what it was shown; and what the stage noted."""
        made = []
        for asked, answer in zip(self.asked, answers, strict=True):
            ranked, scores = ([], []) if isinstance(answer, str) else answer
            error = answer if isinstance(answer, str) else None
            made.append({"id": asked["id"], "ranked": list(ranked), "scores": list(scores), "error": error, "seconds": 0.1})
        schema = pa.schema([("id", pa.string()), ("ranked", pa.list_(pa.string())), ("scores", pa.list_(pa.float32()))])
        schema = schema.append(pa.field("error", pa.string())).append(pa.field("seconds", pa.float64()))
        table = pa.Table.from_pylist(made, schema)
        if demos is not None:
            table = table.append_column("demos", pa.array(demos, pa.list_(pa.string())))
        return self._write("answers", {"answers": table}, facts)

    def variant(self, log: Sequence[dict[str, Any]] | None = None, **facts: Any) -> str:
        """One log row a question, given as what differs from a success; columns that no row names are left out."""
        blank = {
            "status": "ok",
            "image": None,
            "succeeded": True,
            "succeeded_u8": True,
            "queries": 20,
            "iterations": 20,
            "note": "",
        }
        blank |= {"linf": 0.03, "l2": 1.0, "linf_u8": 0.03, "l2_u8": 1.0, "zero_gradients": 0, "width": 8, "height": 8}
        rows = [
            {"id": asked["id"]} | blank | line for asked, line in zip(self.asked, log or [{}] * len(self.asked), strict=True)
        ]
        schema = pa.schema([(name, pa.string()) for name in ("id", "status", "image", "note")])
        for names, kind in (
            (("succeeded", "succeeded_u8"), pa.bool_()),
            (("queries", "iterations", "zero_gradients", "width", "height"), pa.int64()),
            (("linf", "l2", "linf_u8", "l2_u8"), pa.float64()),
        ):
            for name in names:
                schema = schema.append(pa.field(name, kind))
        newer = dict.fromkeys(name for row in rows for name in row if name not in schema.names)
        for name in newer:
            schema = schema.append(
                pa.field(
                    name,
                    {
                        "deterministic": pa.bool_(),
                        "probabilities": pa.bool_(),
                        "reduced": pa.bool_(),
                        "fooled_by": pa.string(),
                    }.get(name, pa.float64()),
                )
            )
        return self._write("variant", {"log": pa.Table.from_pylist(rows, schema)}, facts)

    def cell(self, attack: str, evaluations: dict[str, tuple[str | None, str]], **fields: Any) -> None:
        """A cell; evaluations: name -> (variant key, answers key)."""
        name, _, strength = attack.partition("-")
        clean = attack == "clean"
        cell = {
            "dataset": "toy",
            "task": "I2T",
            "linker": "ours",
            "source": "none" if clean else fields.get("linker", "ours"),
            "defence": "none",
            "attack": attack,
        }
        cell |= {"attack_name": name, "strength": strength, "threat_model": "none" if clean else "linf"}
        cell |= {"budget": "" if clean else "8/255", "seed": 0, "poison": "none", "candidates": self.candidates}
        cell |= {"modality": "none" if clean else "image", "made_on": []}
        cell["evaluations"] = [{"name": part, "variant": keys[0], "answers": keys[1]} for part, keys in evaluations.items()]
        cell |= fields
        linker_of_source = cell["source"].removesuffix(" undefended").partition(" behind ")[0]
        cell = {"source_linker": linker_of_source} | cell
        own = (cell["source"], cell["defence"]) == (cell["linker"], "none")
        self.cells.append({"white_box": own and not clean} | cell)

    def finish(self) -> Path:
        grid = {"trained": {title: {} for title in self.trained}}
        body = {"schema": 2, "robustmel": "0", "store": "../store", "grid": grid, "notes": self.notes, "cells": self.cells}
        (self.out / "run.json").write_text(json.dumps(body))
        return self.out


@pytest.fixture
def fake_run(tmp_path: Path) -> FakeRun:
    return FakeRun(tmp_path)


@pytest.fixture
def ask() -> Any:
    return question
