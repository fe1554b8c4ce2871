"""Stage one: an attack perturbs the images of a set, and what was read back from disk is judged."""

import logging
import math
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from torch import Tensor

from robustmel.attacks.contract import ImageAttack, Objective
from robustmel.attacks.image.eight_bit import as_pictures, as_pixels, eight_bit, euclidean, within
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.columnar import Record, taken
from robustmel.errors import ImageError
from robustmel.images import decode, decode_with_notes, size_of, write_png
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.run.stages.attack_output import check_attack_output
from robustmel.run.stages.objective import GuardedObjective, of_the_set_up
from robustmel.run.stages.overlays import LOG, write_log, write_overlay
from robustmel.run.stages.probes import first_step, same_twice
from robustmel.run.stages.shards import ProgressCallback, attempts, by_pieces, chunks
from robustmel.run.stages.verdict import gold_columns, unattackable, wrong
from robustmel.types import Perturbation, Query

log = logging.getLogger(__name__)

COURSE = ("loss_first", "loss_best", "margin_first", "margin_best")
"""How far an attack got; see `Perturbation`."""

RISE = ("rise_predicted", "rise")
"""How far the first step of 8 bits brings a wrong candidate up, as the gradient says and in truth; see `first_step`."""

TRIED = 32
"""The first step is tried on the first batches that hold so many images together."""

IMAGE_LOG = pa.schema(
    [*LOG, ("image", pa.string()), ("fooled_by", pa.string())]
    + [(name, pa.bool_()) for name in ("succeeded_u8", "noise_fools", "failed", "probabilities", "deterministic", "reduced")]
    + [(name, pa.int64()) for name in ("iterations", "zero_gradients", "width", "height")]
    + [(name, pa.float64()) for name in ("linf", "l2", "linf_u8", "l2_u8", *COURSE, *RISE)]
)
"""`failed`: the attack came to no end, since scores were no numbers or the linker raised, and the saved image fools nobody.
`noise_fools`: so does noise as long as the change, one draw an image, for an attack without a radius, which has no other control of its size."""


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
    """Writes `images/<id>.png`, `mentions.parquet` that puts them in place, and `log.parquet`: one row per mention, in order.

    A mention that cannot be attacked (no image, gold not among the candidates) keeps its row, with a status that says why, and
    its own image. Images are attacked in batches of equal size; which images share a batch does not depend on what is done.
    Before the first batch is attacked, it is scored twice: what the scores of its images did is noted as `deterministic`. What
    becomes of the first step of the first batches is noted as `RISE`.
    """
    (folder / "images").mkdir(exist_ok=True)
    spared, attackable = _triage(queries, gold, context)

    place = {query.id: number for number, query in enumerate(queries)}

    def work(piece: Sequence[str]) -> list[Record]:
        places = [place[name] for name in piece]
        return _attack(list(taken(queries, places)), list(map(str, taken(gold, places))), context, folder, before[piece[0]])

    pieces = [piece for size in sorted(attackable) for piece in chunks(attackable[size], batch_size)]
    before = dict(zip([piece[0] for piece in pieces], accumulate(map(len, pieces), initial=0), strict=False))
    attacked = by_pieces(folder, pieces, work, IMAGE_LOG, progress)
    table = write_log(folder, chain(spared.values(), attacked), IMAGE_LOG, list(place))
    write_overlay(folder, "mentions", table.filter(table["image"].is_valid()))
    facts = attempts(folder, table, spared.keys(), f"attack {context.name}")
    notes = Counter(note for joined in table["note"].to_pylist() for note in (joined or "").split("; ") if note)
    noise_fools = table["noise_fools"].drop_null().to_pylist()
    return facts | {"notes": dict(notes), "noise": {"tried": len(noise_fools), "fooled": sum(noise_fools)}}


def _triage(
    queries: Sequence[Query], gold: Sequence[str | None], context: ImageAttackContext
) -> tuple[dict[str, Record], dict[tuple[int, int], list[str]]]:
    """Rows of those that cannot be attacked, and the ids of the others by image size."""
    rows: dict[str, Record] = {}
    attackable: dict[tuple[int, int], list[str]] = defaultdict(list)
    for query, right in zip(queries, gold, strict=True):
        status = None if context.objective is None else unattackable(query, right, context.kb)
        if status is None:
            try:
                height, width, _ = decode(query.image_file, max_side=context.max_side).shape
                attackable[height, width].append(query.id)
                continue
            except ImageError as problem:
                status = f"error:{problem.kind}"
        rows[query.id] = {"id": query.id, "status": status}
    return rows, attackable


def _attack(
    queries: Sequence[Query], gold: Sequence[str], context: ImageAttackContext, folder: Path, before: int
) -> list[Record]:
    """One batch, with `before` images in those before it; out of memory, its halves; a single image that fails, an error row.

    A full disk or a broken set-up stops all.
    """
    try:
        return _attack_batch(queries, gold, context, folder, before)
    except Exception as problem:  # an attack or a linker of the user's may raise anything; the row says what
        if of_the_set_up(problem):
            raise
        why = f"{type(problem).__name__}: {problem}"
    # The exception is gone by now, and with it all that its frames held in memory.
    if len(queries) == 1:
        return [{"id": queries[0].id, "status": f"error:{why}"[:300], "failed": context.objective is not None}]
    log.warning("a batch of %d images failed (%s); trying halves", len(queries), why)
    half = len(queries) // 2
    parts = (slice(None, half), slice(half, None))
    return [row for part in parts for row in _attack(queries[part], gold[part], context, folder, before)]


def _attack_batch(
    queries: Sequence[Query], gold: Sequence[str], context: ImageAttackContext, folder: Path, before: int
) -> list[Record]:
    began = time.perf_counter()
    clean = [decode_with_notes(query.image_file, max_side=context.max_side) for query in queries]
    pixels = as_pixels([picture.pixels for picture in clean], context.device)
    asked = context.objective is not None
    columns = gold_columns(queries, gold, context.kb) if asked else [0] * len(queries)
    right = torch.tensor(columns, device=context.device)
    source = context.objective(queries) if asked else _Silent()
    objective = GuardedObjective(source, right)
    repeatable = GuardedObjective(getattr(source, "fixed", source), right)
    noise = ItemNoise(
        [item_seed(context.seed, context.name, query.id) for query in queries], tuple(pixels.shape[1:]), context.device
    )
    steady = same_twice(repeatable, pixels).tolist() if asked and not before else [None] * len(queries)
    follows = context.attack.needs == "gradients" and before < TRIED
    steps = zip(*first_step(repeatable, pixels, right), strict=True) if follows else [(None, None)] * len(queries)
    attack = context.attack
    if hasattr(attack, "with_names"):
        attack = attack.with_names(
            [[_name(context.kb, entity) for entity in query.candidates or context.kb.ids] for query in queries]
        )
    perturbation = attack.perturb(pixels.clone(), objective, right.clone(), noise)  # it may write into them
    check_attack_output(context.attack, pixels, perturbation)

    paths = [folder / "images" / f"{query.id}.png" for query in queries]
    for path, picture in zip(paths, as_pictures(perturbation.pixels), strict=True):
        write_png(path, picture)
    reread = as_pixels([decode(path) for path in paths], context.device)
    verdict = fooled = None
    if asked and getattr(context.attack, "targeted", None) is None:
        verdict, fooled = _wrong(objective, reread, right), _wrong(objective, perturbation.pixels, right)
    elif asked:  # with a target, the attack alone knows what counts
        verdict = fooled = perturbation.succeeded
    unbounded = asked and not hasattr(context.attack, "eps")
    fooled_by_noise = _noise_fools(objective, pixels, reread, right, noise) if unbounded else [None] * len(queries)
    rows = []
    for index, (query, decoded, agreed, rises) in enumerate(zip(queries, clean, steady, steps, strict=True)):
        row = _row(index, query, perturbation, (reread - pixels)[index], fooled, verdict, objective.problems.get(index, "nan"))
        note = "; ".join(filter(None, (perturbation.note, getattr(source, "note", ""), *decoded.notes)))
        full = size_of(query.image_file) or decoded.pixels.shape[1::-1]
        share = {
            "note": note,
            "queries": row["queries"] * getattr(source, "draws", 1),
            "deterministic": agreed,
            "noise_fools": fooled_by_noise[index],
            "reduced": max(full) > context.max_side,
            "seconds": (time.perf_counter() - began) / len(queries),
        }
        rows.append(row | share | {name: _number(rise) for name, rise in zip(RISE, rises, strict=True)})
    return rows


def _name(kb: KnowledgeBase, entity: str) -> str:
    return kb[entity].name if entity in kb else entity


class _Silent:
    """Stands for the scores where an attack asks nobody."""

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        return torch.zeros(len(pixels), 2, device=pixels.device)


@torch.no_grad()
def _wrong(objective: Objective, pixels: Tensor, right: Tensor) -> Tensor:
    scores = objective(pixels)
    return wrong(scores, right) & (scores < torch.inf).all(1)  # neither infinite nor, since it compares with nothing, NaN


def _noise_fools(objective: Objective, pixels: Tensor, attacked: Tensor, right: Tensor, noise: ItemNoise) -> list[bool | None]:
    """Whether noise of the length of the change fools, image by image; None where nothing was changed."""
    direction, length = noise.normal(), euclidean(attacked - pixels)
    change = direction * (length / euclidean(direction))[:, None, None, None]
    fooled = _wrong(objective, eight_bit(within(pixels, change, length, euclidean)), right)
    return [bool(verdict) if size > 0 else None for verdict, size in zip(fooled, length, strict=True)]


def _row(
    index: int,
    query: Query,
    perturbation: Perturbation,
    change: Tensor,
    fooled: Tensor | None,
    verdict: Tensor | None,
    problem: str,
) -> Record:
    height, width = change.shape[1:]
    failed = (
        perturbation.failed is not None
        and bool(perturbation.failed[index])
        and not (verdict is not None and bool(verdict[index]))
    )
    return {
        "id": query.id,
        "status": f"error:{problem}" if failed else "ok",
        "image": f"images/{query.id}.png",
        "failed": failed,
        "fooled_by": next(iter(perturbation.fooled_by[index : index + 1]), "") or None,
        "probabilities": None if perturbation.probabilities is None else bool(perturbation.probabilities[index]),
        "succeeded": None if fooled is None else bool(fooled[index]),
        "succeeded_u8": None if verdict is None else bool(verdict[index]),
        "queries": int(perturbation.queries[index]),
        "iterations": int(perturbation.iterations[index]),
        "zero_gradients": int(perturbation.zero_gradients[index]),
        "width": int(width),
        "height": int(height),
        "linf": float(perturbation.linf[index]),
        "l2": float(perturbation.l2[index]),
        "linf_u8": float(change.abs().amax()),
        "l2_u8": float(change.double().norm()),
    } | {name: None if (values := getattr(perturbation, name)) is None else _number(values[index]) for name in COURSE}


def _number(value: Tensor | None) -> float | None:
    """None where it is not a number."""
    known = math.nan if value is None else float(value)
    return known if math.isfinite(known) else None
