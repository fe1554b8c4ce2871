"""Stage three: a linker answers every mention of a variant."""

import math
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from robustmel.columnar import Record, taken
from robustmel.errors import ImageError, RobustMELError
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Linker
from robustmel.linkers.ranking import Ranking, misordered, well_typed
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.run.stages.list_places import list_places
from robustmel.run.stages.parity import check_parity
from robustmel.run.stages.same_answers import agree
from robustmel.run.stages.shards import ProgressCallback, by_pieces, chunks, column, failures, read_table, write_table
from robustmel.types import Prediction, Query, Task

PROBE = 8
"""Queries that are asked twice, at most; a quarter of them where there are few."""

DEPTH, MEMBERS = 4, 16
"""How deep below a linker models are looked for (a defence holds a linker, which holds a tower), and in how many members of a list."""

ANSWERS = pa.schema(
    [
        ("id", pa.string()),
        ("ranked", pa.list_(pa.string())),
        ("scores", pa.list_(pa.float64())),
        ("error", pa.string()),
        ("seconds", pa.float64()),
        ("text", pa.string()),
        ("status", pa.string()),
        ("calls", pa.int64()),
        ("tokens_read", pa.int64()),
        ("tokens_written", pa.int64()),
        ("above", pa.int64()),
        ("tied", pa.int64()),
        ("sentences", pa.list_(pa.string())),
        ("descriptors", pa.list_(pa.string())),
        ("demos", pa.list_(pa.string())),
    ]
)
"""`above` entities score higher than the gold entity and `tied` as high, itself among them; null where it was not ranked. The last three are as
in `Prediction`, null where no defence gave any, and no linker showed any."""

KEPT = 100
"""Entities of an answer that are written, best first; what `above` and `tied` say is of the whole answer."""


def link(
    queries: Sequence[Query], gold: Sequence[str | None], kb: KnowledgeBase, linker: Linker, task: Task, batch_size: int,
    folder: Path, progress: ProgressCallback, name: str = "", compare: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """Writes `answers.parquet`: one row a query, in the queries' order. The linker never sees the gold ids.

    A query that the linker cannot answer gets a row with `error` set; none is skipped. A few queries are asked again: whether
    the answers agree is noted as `deterministic`.
    """
    compared = check_parity(linker, queries, task, name) if compare and hasattr(linker, "reference") else None
    place = {query.id: number for number, query in enumerate(queries)}
    probe = {query.id: query for query in queries[: min(PROBE, math.ceil(len(queries) / 4))]}
    probed: dict[str, Prediction] = {}

    def work(piece: Sequence[str]) -> list[Record]:
        predictions = answers(linker, list(taken(queries, [place[name] for name in piece])), task, kb)
        probed.update((prediction.id, prediction) for prediction in predictions if prediction.id in probe)
        return [_row(prediction, gold[place[prediction.id]]) for prediction in predictions]

    path = folder / "answers.parquet"
    write_table(path, by_pieces(folder, chunks(list(place), batch_size), work, ANSWERS, progress), ANSWERS)
    errors = list(column(path, "error"))
    facts = failures(folder, errors, f"linker {name or type(linker).__name__}")
    facts |= {"mentions": len(errors), "errors": len(errors) - errors.count(None), "seconds": sum(column(path, "seconds"))}
    facts["statuses"] = dict(Counter(status for status in column(path, "status") if status != "ok"))
    facts |= {} if compared is None else {"compared": compared}
    if places := list_places(linker, queries, column(path, "ranked")):
        facts["places"] = places
    if any(row["sentences"] or row["descriptors"] is not None for row in read_table(path, ["sentences", "descriptors"])):
        facts["described"] = True
    facts["misordered"] = sum(map(misordered, column(path, "scores")))
    return facts | {"deterministic": _steady(linker, probe, probed, task, kb), "training_mode": in_training_mode(linker)}


def _steady(
    linker: Linker, probe: Mapping[str, Query], probed: Mapping[str, Prediction], task: Task, kb: KnowledgeBase
) -> bool | None:
    """Whether the queries of the probe are answered as before; None where there are none."""
    missing = [query for name, query in probe.items() if name not in probed]  # answered before an interruption
    before = dict(probed) | {answer.id: answer for answer in (answers(linker, missing, task, kb) if missing else ())}
    again = answers(linker, list(probe.values()), task, kb) if probe else []
    return all(agree(before[answer.id], answer) for answer in again) if again else None


def answers(linker: Linker, queries: Sequence[Query], task: Task, kb: KnowledgeBase | None = None) -> list[Prediction]:
    """A linker's predictions, checked; if a batch fails, each query alone, and what still fails becomes an error row.

    Raises:
        RobustMELError: The linker breaks its contract (wrong number or order of predictions, ids that are no candidates).
    """
    started, why = time.perf_counter(), ""
    handed_back: Any = None
    try:
        with undisturbed():
            handed_back = linker.link(queries, task)
            handed_back = list(handed_back) if isinstance(handed_back, Iterator) else handed_back
    except RobustMELError as problem:
        if not isinstance(problem, ImageError):
            raise
        why = problem.kind
    except (Exception, SystemExit) as problem:  # a user's linker may raise anything; the row says what
        why = f"linker: {type(problem).__name__}: {problem}"[:300]
    if why:  # the exception is gone by now, and with it all that its frames held in memory
        return _one_by_one(linker, queries, task, kb, why)
    share = (time.perf_counter() - started) / max(len(queries), 1)
    try:
        predictions = well_typed(handed_back)
    except RobustMELError as problem:
        raise RobustMELError(f"linker {type(linker).__name__}: {problem}") from problem
    _check(linker, queries, predictions, kb)
    return [_timed(prediction, share) for prediction in predictions]


def _timed(prediction: Prediction, share: float) -> Prediction:
    """Scores that are no numbers order nothing, nor does an entity at two places: then there is no answer."""
    ranked, error, answer = prediction.ranked, prediction.error, prediction
    if error is None and np.isnan(np.asarray(prediction.scores, dtype=np.float64)).any():
        error = "nan_scores"
    elif error is None and not isinstance(ranked, Ranking) and len(set(ranked)) < len(ranked):
        error = "ranked_twice"
    if error != prediction.error:
        answer = Prediction(prediction.id, error=error, text=prediction.text, usage=prediction.usage)
    return answer if answer.seconds else replace(answer, seconds=prediction.seconds or share)


def _one_by_one(linker: Linker, queries: Sequence[Query], task: Task, kb: KnowledgeBase | None, why: str) -> list[Prediction]:
    if len(queries) == 1:
        return [Prediction(queries[0].id, error=why)]
    return [answer for query in queries for answer in answers(linker, [query], task, kb)]


def _check(linker: Linker, queries: Sequence[Query], predictions: Sequence[Prediction], kb: KnowledgeBase | None) -> None:
    name = type(linker).__name__
    if [prediction.id for prediction in predictions] != [query.id for query in queries]:
        raise RobustMELError(
            f"linker {name} gave {len(predictions)} predictions for {len(queries)} queries, or in another order; it must give one"
            " a query, in the queries' order, with the query's id."
        )
    for query, prediction in zip(queries, predictions, strict=True):
        if len(prediction.ranked) != len(prediction.scores):
            raise RobustMELError(
                f"linker {name} ranked {len(prediction.ranked)} entities with {len(prediction.scores)} scores."
            )
        if query.candidates is not None:
            strangers = set(prediction.ranked) - set(query.candidates)
            where = "among the candidates of the query"
        else:
            ours = kb is None or (isinstance(prediction.ranked, Ranking) and prediction.ranked.kb is kb)
            strangers = set() if ours or kb is None else {entity for entity in prediction.ranked if entity not in kb}
            where = "in the knowledge base"
        if strangers:
            raise RobustMELError(f'linker {name} answered "{min(map(str, strangers))}", which is not {where}.')


def _row(prediction: Prediction, gold: str | None) -> Record:
    above, tied = _place(prediction, gold)
    return {
        "id": prediction.id,
        "above": above,
        "tied": tied,
        "ranked": list(prediction.ranked[:KEPT]),
        "scores": list(prediction.scores[:KEPT]),
        "error": None if prediction.error is None else _encodable(prediction.error),
        "seconds": float(prediction.seconds),
        "text": _encodable(prediction.text),
        "status": _encodable(prediction.status),
        "sentences": list(prediction.sentences) or None,
        "descriptors": None if prediction.descriptors is None else list(map(_encodable, prediction.descriptors)),
        "demos": None if prediction.demos is None else list(map(_encodable, prediction.demos)),
    } | asdict(prediction.usage)


def _encodable(text: str) -> str:
    """Lone surrogates, as in a file name of another encoding or half an escape, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _place(prediction: Prediction, gold: str | None) -> tuple[int | None, int | None]:
    """How many entities score higher than the gold one, and how many as high; None where it is not ranked."""
    if gold is None or gold not in prediction.ranked:
        return None, None
    scores = np.asarray(prediction.scores, dtype=np.float64)
    own = scores[prediction.ranked.index(gold)]
    return int((scores > own).sum()), int((scores == own).sum())


def in_training_mode(linker: object) -> bool:
    """Whether dropout or batch statistics are switched on in any model that a linker holds.

    Layers that act alike in both modes do not count, so a model without the others is never in training mode.
    """
    torch: Any = sys.modules.get("torch")  # a linker without torch has no such model
    if torch is None:
        return False
    dropout, batch = torch.nn.modules.dropout._DropoutNd, torch.nn.modules.batchnorm._BatchNorm
    layers = (layer for model in _models(linker, torch.nn.Module, DEPTH, set()) for layer in model.modules() if layer.training)
    return any(isinstance(layer, batch) or (isinstance(layer, dropout) and layer.p > 0) for layer in layers)


def _models(holder: object, kind: type, depth: int, seen: set[int]) -> Iterator[Any]:
    if isinstance(holder, kind):
        yield holder
    elif id(holder) not in seen and not isinstance(holder, type):
        seen.add(id(holder))
        parts = list(holder[:MEMBERS]) if isinstance(holder, (list, tuple)) else list(getattr(holder, "__dict__", {}).values())
        for part in parts if depth else ():
            yield from _models(part, kind, depth - 1, seen)
