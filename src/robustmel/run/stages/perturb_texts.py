"""Stage one for text: an attack edits the sentences of a set, and what was written is judged."""

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import pyarrow as pa
from torch import Tensor

from robustmel.attacks.contract import TextAttack, check_edits, replayed
from robustmel.columnar import Record, taken
from robustmel.errors import RobustMELError
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.run.interrupt import PATIENCE, stop_if_asked
from robustmel.run.stages.overlays import LOG, write_log, write_overlay
from robustmel.run.stages.shards import ProgressCallback, attempts, by_pieces, chunks
from robustmel.run.stages.verdict import Margins, unattackable
from robustmel.types import Query, TextEdit

OWN_COLUMNS = [("edits", pa.int64()), ("similarity", pa.float64()), ("changes", pa.string())]
OVERLAID = [("text", pa.string()), ("surface", pa.string()), ("span", pa.list_(pa.int64()))]
TEXT_LOG = pa.schema([*LOG, *OWN_COLUMNS, *OVERLAID])


@dataclass(frozen=True)
class TextAttackContext:
    """What texts are attacked with.

    Args:
        attack: The attack.
        scores: float32 (b, C) of queries, by the source; None for an attack that asks nobody.
        kb: What an open query is asked about.
        name: Of the attack, for the seeds.
        seed: Of the stage.
    """

    attack: TextAttack
    scores: Callable[[Sequence[Query]], Tensor] | None
    kb: KnowledgeBase
    name: str
    seed: int


def perturb_texts(
    queries: Sequence[Query], gold: Sequence[str | None], context: TextAttackContext, batch_size: int, folder: Path, progress: ProgressCallback
) -> dict[str, Any]:  # fmt: skip
    """Writes `mentions.parquet`, the texts that changed, and `log.parquet`: one row per mention, in the queries' order.

    A mention that cannot be attacked (no text, gold not among the candidates) keeps its row, with a status that says why, and its
    own text.
    """
    spared: list[Record] = []
    for query, right in zip(queries, gold, strict=True):
        status = None if query.text else "skipped:no_text"
        if status is None and context.scores is not None:
            status = unattackable(query, right, context.kb)
        if status is not None:
            spared.append({"id": query.id, "status": status})
    place = {query.id: number for number, query in enumerate(queries)}

    def work(piece: Sequence[str]) -> list[Record]:
        places = [place[item] for item in piece]
        return _attack(list(zip(taken(queries, places), taken(gold, places), strict=True)), context)

    left_out = {row["id"] for row in spared}
    attackable = [item for item in place if item not in left_out]
    attacked = by_pieces(folder, chunks(attackable, batch_size), work, TEXT_LOG, progress)
    log = write_log(folder, chain(spared, attacked), TEXT_LOG, list(place))
    facts = attempts(folder, log, left_out, f"attack {context.name}")
    import pyarrow.compute as pc

    changed = log.filter(pc.greater(log["edits"], 0))
    write_overlay(folder, "mentions", changed)
    return facts | {"changed": len(changed), "notes": dict(Counter(filter(None, log["note"].to_pylist())))}


def _attack(batch: Sequence[tuple[Query, str | None]], context: TextAttackContext) -> list[Record]:
    """One batch; if it fails each text alone, and what still fails becomes an error row."""
    began = time.perf_counter()
    queries, gold = [query for query, _ in batch], [right for _, right in batch]
    seeds = [item_seed(context.seed, context.name, query.id) for query in queries]
    margins = None if context.scores is None else Margins(_obedient(context.scores), context.kb)
    try:
        edits = context.attack.perturb(queries, margins, gold, seeds)
        _check(context.name, queries, edits)
        edited = [
            replace(query, text=edit.text, surface=edit.surface, span=edit.span)
            for query, edit in zip(queries, edits, strict=True)
        ]
        fooled = [None] * len(edits) if margins is None else (margins(edited, gold) < 0).tolist()
    except RobustMELError:
        raise
    except Exception as problem:  # an attack or a linker of the user's may raise anything; the row says what
        if len(batch) == 1:
            return [{"id": queries[0].id, "status": f"error:{type(problem).__name__}: {problem}"[:300]}]
        return [row for pair in batch for row in _attack([pair], context)]
    share = (time.perf_counter() - began) / len(batch)
    return [_row(query, edit, hit, share) for query, edit, hit in zip(queries, edits, fooled, strict=True)]


def _obedient(scores: Callable[[Sequence[Query]], Tensor]) -> Callable[[Sequence[Query]], Tensor]:
    """The same scores, unless the user has asked to stop."""

    def asked(queries: Sequence[Query]) -> Tensor:
        stop_if_asked(PATIENCE)
        return scores(queries)

    return asked


def _check(name: str, queries: Sequence[Query], edits: Sequence[TextEdit]) -> None:
    check_edits(name, edits, TextEdit)
    if [edit.id for edit in edits] != [query.id for query in queries]:
        raise RobustMELError(f"attack {name} gave {len(edits)} texts for {len(queries)} queries, or in another order.")
    for edit in edits:
        if edit.span is not None and edit.text[slice(*edit.span)] != edit.surface:
            raise RobustMELError(f'attack {name} says that "{edit.surface}" stands at {edit.span} of a text, and it does not.')
    for query, edit in zip(queries, edits, strict=True):
        if edit.changes and replayed(query.text, edit.changes) != edit.text:
            raise RobustMELError(f"attack {name} lists changes that do not make its text of the original.")


def _row(query: Query, edit: TextEdit, fooled: bool | None, seconds: float) -> Record:
    changed = (edit.text, edit.surface) != (query.text, query.surface)
    return {
        "id": query.id,
        "status": "ok",
        "note": edit.note,
        "succeeded": fooled,
        "queries": edit.queries,
        "seconds": seconds,
        "edits": max(edit.edits, 1) if changed else 0,
        "similarity": edit.similarity,
        "changes": json.dumps([change._asdict() for change in edit.changes], ensure_ascii=False) if edit.changes else None,
        "text": edit.text,
        "surface": edit.surface,
        "span": None if edit.span is None else list(edit.span),
    }
