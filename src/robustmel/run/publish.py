"""A perturbed set as a data set of its own: what others can load, inspect and be measured on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.errors import MissingError, UsageError
from robustmel.run.executors import Watch, execute
from robustmel.run.grid import Grid
from robustmel.run.jobs import Perturbed
from robustmel.run.keys import files_digest
from robustmel.run.locks import hold
from robustmel.run.plan import expand
from robustmel.run.stages.shards import Row, read_table
from robustmel.run.store import Store, write_atomically, writing
from robustmel.run.workshop import Workshop
from robustmel.types import Entity, Query

SAYS = "perturbation.json"


def publish(grid: Grid, out: Path, store: Store, workers: int, device: str, watch: Watch) -> dict[str, Any]:
    """Perturbs the one data set of a grid and writes it to `out` in the project's own format.

    `out` gets `mentions.jsonl`, `entities.jsonl`, `images/` (8-bit PNG; the images of mentions that could not be attacked are
    copied as they are), `log.parquet` (one row a mention) and `perturbation.json` (attack, source, key, checksums).

    Raises:
        MissingError: `out` holds something else already, or cannot be written.
    """
    if (out / "mentions.jsonl").exists() and not (out / SAYS).exists():
        raise MissingError(f"{out} holds a data set that is no perturbed one; choose another --out.")
    workshop = Workshop(store, device)
    plan = expand(grid, workshop)
    variant = next((view.variant for cell in plan.cells for view in cell.views if view.variant), None)
    if variant is None:
        raise UsageError("attack clean leaves every image as it is: there is nothing to publish; choose another --attack.")
    if variant.made.parameters.get("drop_fooled"):
        raise UsageError("images made with drop_fooled = true serve one decision of one linker alone; publish them without it.")
    with writing(out), hold(out / "run.lock", f"folder {out}", wait=False):
        if store.has(variant.kind, variant.key) and store.manifest(variant.kind, variant.key)["kept"] != "all":
            store.forget(variant.kind, variant.key)
        execute([variant.questions, variant], workshop, workers, watch)
        _write(variant, workshop, store, out)
    return store.manifest(variant.kind, variant.key)


def _write(variant: Perturbed, workshop: Workshop, store: Store, out: Path) -> None:
    """Fills `out`; `perturbation.json` says from the first moment whose folder this is, and is complete at the last."""
    folder = store.path(variant.kind, variant.key)
    about = store.manifest(variant.kind, variant.key) | {"key": variant.key, "dataset": variant.questions.name}
    write_atomically(out / SAYS, json.dumps(about | {"complete": False}, indent=1, sort_keys=True) + "\n")
    shutil.rmtree(out / "images", ignore_errors=True)
    (out / "images").mkdir()
    log = read_table(folder / "log.parquet")
    asked = read_table(store.path("candidates", variant.questions.key) / "questions.parquet")
    queries = workshop.asked(variant.questions)[0]
    lines = [_mention(*one, folder, out) for one in zip(asked, queries, log, strict=True)]
    kb = workshop.dataset(variant.questions.dataset, variant.questions.split).kb
    write_atomically(out / "entities.jsonl", "".join(_entity(entity) for entity in kb))
    names = pa.array([row["mention_id"] for row in asked], pa.string())
    pq.write_table(pq.read_table(folder / "log.parquet").append_column("mention_id", names), out / "log.parquet")
    write_atomically(out / "mentions.jsonl", "".join(lines))
    images = files_digest(sorted((out / "images").iterdir()))
    write_atomically(out / SAYS, json.dumps(about | {"complete": True, "images": images}, indent=1, sort_keys=True) + "\n")


def _mention(row: Row, query: Query, logged: Row, folder: Path, out: Path) -> str:
    source = folder / logged["image"] if logged["image"] else query.image
    image = None
    if source is not None and (logged["image"] or source.is_file()):
        image = f"images/{query.id}{source.suffix.lower()}"
        shutil.copyfile(source, out / image)
    kept = {key: row[key] for key in ("gold", "surface", "text", "candidates", "split")}
    return json.dumps({"id": row["mention_id"], **kept, "span": query.span, "image": image}, ensure_ascii=False) + "\n"


def _entity(entity: Entity) -> str:
    fields = ("id", "name", "aliases", "qid", "description", "text", "type", "popularity")
    return json.dumps({key: getattr(entity, key) for key in fields}, ensure_ascii=False) + "\n"
