"""Stage one: an attack perturbs the images of a set, and what was read back from disk is judged."""

from __future__ import annotations

import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from robustmel.attacks.contract import ImageAttack, Objective
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.errors import ImageError, RobustMELError
from robustmel.images import decode, decode_with_notes, write_png
from robustmel.kb import KnowledgeBase
from robustmel.run.keys import item_seed
from robustmel.run.stages.overlays import LOG, write_overlay
from robustmel.run.stages.same_scores import same_twice
from robustmel.run.stages.shards import ProgressCallback, Record, by_pieces, chunks, write_table
from robustmel.run.stages.verdict import gold_columns, unattackable, wrong
from robustmel.types import Perturbation, Query

log = logging.getLogger(__name__)

COURSE = ("loss_first", "loss_best", "margin_first", "margin_best")
"""How far an attack got; see `Perturbation`."""

IMAGE_LOG = pa.schema(
    [*LOG, ("image", pa.string()), ("succeeded_u8", pa.bool_()), ("deterministic", pa.bool_())]
    + [(name, pa.int64()) for name in ("iterations", "zero_gradients", "width", "height")]
    + [(name, pa.float64()) for name in ("linf", "l2", "linf_u8", "l2_u8", *COURSE)]
)


@dataclass(frozen=True)
class ImageAttackContext:
    """What a batch is attacked with.

    Args:
        attack: The attack.
        objective: Gives the scores to attack, from the queries of a batch; None for an attack that asks nobody.
        kb: What an open query is asked about.
        device: Where the pixels go.
        name: Of the attack, for the seeds.
        seed: Of the stage.
        max_side: Longer images are reduced to this, in pixels.
    """

    attack: ImageAttack
    objective: Any
    kb: KnowledgeBase
    device: torch.device
    name: str
    seed: int
    max_side: int


def perturb_images(
    queries: Sequence[Query],
    gold: Sequence[str | None],
    context: ImageAttackContext,
    batch_size: int,
    folder: Path,
    progress: ProgressCallback,
) -> dict[str, Any]:
    """Writes `images/<id>.png`, `mentions.parquet` that puts them in place, and `log.parquet`: one row a mention, in order.

    A mention that cannot be attacked (no image, gold not among the candidates) keeps its row, with a status that says why, and
    its own image. Images are attacked in batches of equal size; which images share a batch does not depend on what is done.
    Before the first batch is attacked, it is scored twice: what the scores of its images did is noted as `deterministic`.
    """
    (folder / "images").mkdir(exist_ok=True)
    rows, attackable = _triage(queries, gold, context)

    known = {query.id: (query, str(right)) for query, right in zip(queries, gold, strict=True)}

    def work(piece: Sequence[str]) -> list[Record]:
        first = piece is pieces[0]
        return _attack([known[one][0] for one in piece], [known[one][1] for one in piece], context, folder, first)

    pieces = [piece for size in sorted(attackable) for piece in chunks(attackable[size], batch_size)]
    done = by_pieces(folder, pieces, work, IMAGE_LOG, progress)
    if done and all(row["status"] != "ok" for row in done):
        raise RobustMELError(
            f"attack {context.name} failed on every image; the first: {done[0]['status'].removeprefix('error:')}."
        )
    rows |= {row["id"]: row for row in done}
    ordered = [rows[query.id] for query in queries]
    write_table(folder / "log.parquet", ordered, IMAGE_LOG)
    write_overlay(folder, "mentions", [{"id": row["id"], "image": row["image"]} for row in ordered if row.get("image")])
    states = Counter(row["status"] for row in rows.values())
    failed = sum(row["status"] != "ok" for row in done)
    notes = Counter(note for row in done for note in (row.get("note") or "").split("; ") if note)
    of = {"failed": failed, "queries": sum(row.get("queries") or 0 for row in done), "notes": dict(notes)}
    return {"mentions": len(rows), "states": dict(states), **of, "kept": "all"}


def _triage(
    queries: Sequence[Query], gold: Sequence[str | None], context: ImageAttackContext
) -> tuple[dict[str, Record], dict[tuple[int, int], list[str]]]:
    """Rows of those that cannot be attacked, and the ids of the others by image size."""
    rows: dict[str, Record] = {}
    attackable: dict[tuple[int, int], list[str]] = defaultdict(list)
    for index, query in enumerate(queries):
        status = None if context.objective is None else unattackable(query, gold[index], context.kb)
        if status is None:
            try:
                height, width, _ = decode(_present(query), max_side=context.max_side).shape
                attackable[height, width].append(query.id)
                continue
            except ImageError as problem:
                status = f"error:{problem.kind}"
        rows[query.id] = {"id": query.id, "status": status}
    return rows, attackable


def _present(query: Query) -> Path:
    if query.image is None:
        raise ImageError("no_image", f"mention {query.id} names no image.")
    return query.image


def _attack(
    queries: Sequence[Query], gold: Sequence[str], context: ImageAttackContext, folder: Path, first: bool
) -> list[Record]:
    """One batch; out of memory, its halves; a single image that fails, an error row. A full disk or a broken set-up stops all."""
    try:
        return _attack_batch(queries, gold, context, folder, first)
    except Exception as problem:  # an attack or a linker of the user's may raise anything; the row says what
        if isinstance(problem, (RobustMELError, OSError)) and not isinstance(problem, ImageError):
            raise
        if len(queries) == 1:
            return [{"id": queries[0].id, "status": f"error:{type(problem).__name__}: {problem}"[:300]}]
        log.warning("a batch of %d images failed (%s); trying halves", len(queries), problem)
        half = len(queries) // 2
        parts = (slice(None, half), slice(half, None))
        return [row for part in parts for row in _attack(queries[part], gold[part], context, folder, first)]


def _attack_batch(
    queries: Sequence[Query], gold: Sequence[str], context: ImageAttackContext, folder: Path, first: bool
) -> list[Record]:
    began = time.perf_counter()
    clean = [decode_with_notes(_present(query), max_side=context.max_side) for query in queries]
    pixels = torch.from_numpy(np.stack([one.pixels for one in clean])).to(context.device).permute(0, 3, 1, 2).float() / 255
    objective: Objective = _Silent() if context.objective is None else context.objective(queries)
    columns = [0] * len(queries) if context.objective is None else gold_columns(queries, gold, context.kb)
    right = torch.tensor(columns, device=context.device)
    noise = ItemNoise(
        [item_seed(context.seed, context.name, query.id) for query in queries], tuple(pixels.shape[1:]), context.device
    )
    steady = same_twice(objective, pixels).tolist() if first and context.objective is not None else [None] * len(queries)
    found = context.attack.perturb(pixels, objective, right, noise)

    written = (found.pixels * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
    paths = [folder / "images" / f"{query.id}.png" for query in queries]
    for path, picture in zip(paths, written, strict=True):
        write_png(path, picture)
    reread = torch.from_numpy(np.stack([decode(path) for path in paths])).to(context.device).permute(0, 3, 1, 2).float() / 255
    asked = context.objective is not None and getattr(context.attack, "targeted", None) is None
    sound = torch.ones_like(right, dtype=torch.bool) if found.stopped is None else ~found.stopped
    verdict = _wrong(objective, reread, right) & sound if asked else None
    fooled = _wrong(objective, found.pixels, right) & sound if asked else None
    if context.objective is not None and not asked:  # with a target, the attack alone knows what counts
        verdict = fooled = found.succeeded
    rows = [_row(index, queries[index], found, (reread - pixels)[index], fooled, verdict) for index in range(len(queries))]
    share = (time.perf_counter() - began) / len(queries)
    for row, decoded, agreed in zip(rows, clean, steady, strict=True):
        note = _joined(row["note"], getattr(objective, "note", ""), *decoded.notes)
        row |= {"note": note, "deterministic": agreed, "seconds": share}
    return rows


class _Silent:
    """Stands for the scores where an attack asks nobody."""

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        return torch.zeros(len(pixels), 2, device=pixels.device)


@torch.no_grad()
def _wrong(objective: Objective, pixels: Tensor, right: Tensor) -> Tensor:
    return wrong(objective(pixels), right)


def _row(
    index: int, query: Query, found: Perturbation, change: Tensor, fooled: Tensor | None, verdict: Tensor | None
) -> Record:
    height, width = change.shape[1:]
    return {
        "id": query.id,
        "status": "ok" if found.stopped is None or not found.stopped[index] else "error:nan",
        "image": f"images/{query.id}.png",
        "note": _joined(found.note, *found.remarks[index : index + 1]),
        "succeeded": None if fooled is None else bool(fooled[index]),
        "succeeded_u8": None if verdict is None else bool(verdict[index]),
        "queries": int(found.queries[index]),
        "iterations": int(found.iterations[index]),
        "zero_gradients": int(found.zero_gradients[index]),
        "width": int(width),
        "height": int(height),
        "linf": float(found.linf[index]),
        "l2": float(found.l2[index]),
        "linf_u8": float(change.abs().amax()),
        "l2_u8": float(change.double().norm()),
    } | {name: _number(getattr(found, name), index) for name in COURSE}


def _joined(*notes: str) -> str:
    return "; ".join(filter(None, notes))


def _number(values: Tensor | None, index: int) -> float | None:
    """One of them; None where there are none, or it is not a number."""
    value = float("nan") if values is None else float(values[index])
    return value if math.isfinite(value) else None
