"""Stage one: a set perturbed by an attack of whatever modality."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from robustmel.attacks.contract import KnowledgeAttack, check_edits
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.linkers.contract import Differentiable, Linker
from robustmel.run.stages.overlays import COLUMNS, LOG, write_overlay
from robustmel.run.stages.shards import ProgressCallback, write_table
from robustmel.types import EntityEdit, Query

if TYPE_CHECKING:
    from robustmel.run.jobs import Variant


def perturb(
    job: Variant, attack: Any, linkers: Sequence[Linker], kb: KnowledgeBase, queries: Sequence[Query],
    gold: list[str | None], folder: Path, progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    """Fills the folder of a perturbed set with what the attack overwrites and its log; returns what the manifest says of it."""
    name = job.component.identity["name"]
    if attack.modality == "knowledge":
        return _perturb_kb(queries, gold, kb, attack, name, job.seed, folder, progress)
    if attack.modality == "text":
        from robustmel.run.stages.black_box import scores_of
        from robustmel.run.stages.perturb_texts import TextAttackContext, perturb_texts

        scores = (lambda asked: scores_of(linkers[0], asked, job.view)) if linkers else None
        return perturb_texts(
            queries, gold, TextAttackContext(attack, scores, kb, name, job.seed), job.batch_size, folder, progress
        )
    import torch

    from robustmel.run.stages.objective import objective_of
    from robustmel.run.stages.perturb_images import ImageAttackContext, perturb_images

    sources = cast(Sequence[Differentiable], linkers)
    objective: Any = partial(objective_of, sources, job.view, job.attack.logits) if sources else None
    if objective is not None and job.draws > 1:
        from robustmel.run.stages.expectation import ExpectedObjective

        objective = partial(ExpectedObjective, objective, job.draws)
    device = torch.device(getattr(sources[0], "device", "cpu") if sources else "cpu")
    context = ImageAttackContext(attack, objective, kb, device, name, job.seed, job.attack.max_side)
    return perturb_images(queries, gold, context, job.batch_size, folder, progress)


def _perturb_kb(
    queries: Sequence[Query], gold: Sequence[str | None], kb: KnowledgeBase, attack: KnowledgeAttack, name: str, seed: int,
    folder: Path, progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    """Writes `entities.parquet`, the fields that changed, and `log.parquet`: one row per mention, in the queries' order."""
    began = time.perf_counter()
    edits = attack.perturb(queries, kb, gold, [item_seed(seed, name, query.id) for query in queries])
    check_edits(name, edits, EntityEdit)
    fields = {"id": pa.string(), **COLUMNS["entities"]}
    rows = pa.table({field: pa.array([getattr(edit, field) for edit in edits], kind) for field, kind in fields.items()})
    write_overlay(folder, "entities", rows)
    share = (time.perf_counter() - began) / max(len(queries), 1)
    log = ({"id": query.id, "status": "ok", "note": "", "queries": 0, "seconds": share} for query in queries)
    write_table(folder / "log.parquet", log, pa.schema([*LOG]))
    progress(1, 1)
    facts = {"mentions": len(queries), "states": {"ok": len(queries)}, "failed": 0, "queries": 0, "changed": len(rows)}
    return facts | {"notes": {}, "kept": "all"}
