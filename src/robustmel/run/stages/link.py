"""Stage three: a linker answers every mention of a variant."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from robustmel.errors import ImageError, RobustMELError
from robustmel.linkers.contract import Linker
from robustmel.linkers.training_mode import in_training_mode
from robustmel.run.stages.same_answers import agree
from robustmel.run.stages.shards import ProgressCallback, Record, by_pieces, chunks, write_table
from robustmel.types import Prediction, Query, Task

PROBE = 8
"""Queries that are asked twice, at most; a quarter of them where there are few."""

ANSWERS = pa.schema(
    [
        ("id", pa.string()),
        ("ranked", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("error", pa.string()),
        ("seconds", pa.float64()),
        ("text", pa.string()),
        ("status", pa.string()),
        ("calls", pa.int64()),
        ("tokens_read", pa.int64()),
        ("tokens_written", pa.int64()),
    ]
)


def link(
    queries: Sequence[Query], linker: Linker, task: Task, batch_size: int, folder: Path, progress: ProgressCallback
) -> dict[str, Any]:
    """Writes `answers.parquet`: one row a query, in the queries' order.

    A query that the linker cannot answer gets a row with `error` set; none is skipped. A few queries are asked again: whether
    the answers agree is noted as `deterministic`.
    """
    known = {query.id: query for query in queries}
    probe = {query.id: query for query in queries[: min(PROBE, math.ceil(len(queries) / 4))]}
    heard: dict[str, Prediction] = {}

    def work(piece: Sequence[str]) -> list[Record]:
        predictions = answers(linker, [known[one] for one in piece], task)
        heard.update((one.id, one) for one in predictions if one.id in probe)
        return [_row(prediction) for prediction in predictions]

    rows = by_pieces(folder, chunks(list(known), batch_size), work, ANSWERS, progress)
    write_table(folder / "answers.parquet", rows, ANSWERS)
    seconds = sum(row["seconds"] for row in rows)
    facts = {"mentions": len(rows), "errors": sum(row["error"] is not None for row in rows), "seconds": seconds}
    return facts | {"deterministic": _steady(linker, probe, heard, task), "training_mode": in_training_mode(linker)}


def _steady(linker: Linker, probe: Mapping[str, Query], heard: Mapping[str, Prediction], task: Task) -> bool | None:
    """Whether the queries of the probe are answered as before; None where there are none."""
    missing = [query for name, query in probe.items() if name not in heard]  # answered before an interruption
    before = dict(heard) | {one.id: one for one in (answers(linker, missing, task) if missing else ())}
    again = answers(linker, list(probe.values()), task) if probe else []
    return all(agree(before[one.id], one) for one in again) if again else None


def answers(linker: Linker, queries: Sequence[Query], task: Task) -> list[Prediction]:
    """A linker's predictions, checked; if a batch fails, each query alone, and what still fails becomes an error row.

    Raises:
        RobustMELError: The linker breaks its contract (wrong number or order of predictions, ids that are no candidates).
    """
    started = time.perf_counter()
    try:
        predictions = list(linker.link(queries, task))
    except RobustMELError as problem:
        if not isinstance(problem, ImageError):
            raise
        return _one_by_one(linker, queries, task, problem.kind)
    except Exception as problem:  # a user's linker may raise anything; the row says what
        return _one_by_one(linker, queries, task, f"linker: {type(problem).__name__}: {problem}"[:300])
    share = (time.perf_counter() - started) / max(len(queries), 1)
    _check(linker, queries, predictions)
    return [one if one.seconds else replace(one, seconds=share) for one in predictions]


def _one_by_one(linker: Linker, queries: Sequence[Query], task: Task, why: str) -> list[Prediction]:
    if len(queries) == 1:
        return [Prediction(queries[0].id, error=why)]
    return [answer for query in queries for answer in answers(linker, [query], task)]


def _check(linker: Linker, queries: Sequence[Query], predictions: Sequence[Prediction]) -> None:
    name = type(linker).__name__
    if [one.id for one in predictions] != [query.id for query in queries]:
        raise RobustMELError(
            f"linker {name} gave {len(predictions)} predictions for {len(queries)} queries, or in another order; it must give one"
            " a query, in the queries' order, with the query's id."
        )
    for query, one in zip(queries, predictions, strict=True):
        if len(one.ranked) != len(one.scores):
            raise RobustMELError(f"linker {name} ranked {len(one.ranked)} entities with {len(one.scores)} scores.")
        strangers = set(one.ranked) - set(query.candidates)
        if strangers:
            raise RobustMELError(f'linker {name} answered "{min(strangers)}", which is not among the candidates of the query.')


def _row(prediction: Prediction) -> Record:
    return {
        "id": prediction.id,
        "ranked": list(prediction.ranked),
        "scores": list(prediction.scores),
        "error": prediction.error,
        "seconds": prediction.seconds,
        "text": prediction.text,
        "status": prediction.status,
    } | asdict(prediction.usage)
