"""Stage three: a linker answers every mention of a variant."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from robustmel.errors import ImageError, RobustMELError
from robustmel.linkers.contract import Linker
from robustmel.run.stages.shards import Progress, Row, by_pieces, chunks, write_table
from robustmel.types import Prediction, Query, Task

ROWS = pa.schema(
    [
        ("id", pa.string()),
        ("ranked", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float32())),
        ("error", pa.string()),
        ("seconds", pa.float64()),
    ]
)


def link(
    queries: Sequence[Query], linker: Linker, task: Task, batch_size: int, folder: Path, progress: Progress
) -> dict[str, Any]:
    """Writes `predictions.parquet`: one row a query, in the queries' order.

    A query that the linker cannot answer gets a row with `error` set; none is skipped.
    """
    known = {query.id: query for query in queries}

    def work(piece: Sequence[str]) -> list[Row]:
        return [_row(prediction) for prediction in answers(linker, [known[one] for one in piece], task)]

    rows = by_pieces(folder, chunks(list(known), batch_size), work, ROWS, progress)
    write_table(folder / "predictions.parquet", rows, ROWS)
    seconds = sum(row["seconds"] for row in rows)
    return {"mentions": len(rows), "errors": sum(row["error"] is not None for row in rows), "seconds": seconds}


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


def _row(prediction: Prediction) -> Row:
    return {
        "id": prediction.id,
        "ranked": list(prediction.ranked),
        "scores": list(prediction.scores),
        "error": prediction.error,
        "seconds": prediction.seconds,
    }
