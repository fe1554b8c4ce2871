"""Stage one for the knowledge base: an attack rewrites entries, and every mention that may read them is under attack."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from robustmel.attacks.contract import KnowledgeAttack
from robustmel.item_seeds import item_seed
from robustmel.kb import KnowledgeBase
from robustmel.run.stages.overlays import LOG, write_overlay
from robustmel.run.stages.shards import ProgressCallback, write_table
from robustmel.types import Query


def perturb_kb(
    queries: Sequence[Query], gold: Sequence[str | None], kb: KnowledgeBase, attack: KnowledgeAttack, name: str, seed: int,
    folder: Path, progress: ProgressCallback,
) -> dict[str, Any]:  # fmt: skip
    """Writes `entities.parquet`, the fields that changed, and `log.parquet`: one row per mention, in the queries' order."""
    began = time.perf_counter()
    edits = attack.perturb(queries, kb, gold, [item_seed(seed, name, query.id) for query in queries])
    fields = ("name", "description", "text")
    rows = pa.table({field: pa.array([getattr(edit, field) for edit in edits], pa.string()) for field in ("id", *fields)})
    write_overlay(folder, "entities", rows)
    share = (time.perf_counter() - began) / max(len(queries), 1)
    log = ({"id": query.id, "status": "ok", "note": "", "queries": 0, "seconds": share} for query in queries)
    write_table(folder / "log.parquet", log, pa.schema([*LOG]))
    progress(1, 1)
    facts = {"mentions": len(queries), "states": {"ok": len(queries)}, "failed": 0, "queries": 0, "changed": len(rows)}
    return facts | {"notes": {}, "kept": "all"}
