"""A perturbed set as a data set of its own: what others can load, inspect and be measured on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.run.executors import Watch, execute
from robustmel.run.grid import Grid
from robustmel.run.keys import files_digest
from robustmel.run.locks import hold
from robustmel.run.plan import expand
from robustmel.run.stages.shards import Row, read_table
from robustmel.run.store import Store, write_atomically, writing
from robustmel.run.workshop import Workshop
from robustmel.types import Entity


def publish(grid: Grid, out: Path, store: Store, workers: int, device: str, watch: Watch) -> dict[str, Any]:
    """Perturbs the one data set of a grid and writes it to `out` in the project's own format.

    `out` gets `mentions.jsonl`, `entities.jsonl`, `images/` (8-bit PNG; the images of mentions that could not be attacked are
    copied as they are), `log.parquet` (one row a mention) and `perturbation.json` (attack, source, key, checksums).

    Raises:
        MissingError: `out` holds something else already, or cannot be written.
    """
    if (out / "mentions.jsonl").exists() and not (out / "perturbation.json").exists():
        raise MissingError(f"{out} holds a data set that is no perturbed one; choose another --out.")
    workshop = Workshop(store, device)
    plan = expand(grid, workshop)
    cell = next(cell for cell in plan.cells if cell.attack.attack.name != "clean")
    variant = cell.views[0].variant
    assert variant is not None
    with writing(out), hold(out / "run.lock", f"folder {out}", wait=False):
        execute([variant.questions, variant], workshop, workers, watch)
        folder = store.path(variant.kind, variant.key)
        (out / "images").mkdir(exist_ok=True)
        log = {row["id"]: row for row in read_table(folder / "log.parquet")}
        asked = read_table(store.path("candidates", variant.questions.key) / "questions.parquet")
        spans = {query.id: query.span for query in workshop.asked(variant.questions)[0]}
        lines = [_mention(row, log[row["id"]], spans[row["id"]], folder, out) for row in asked]
        kb = workshop.dataset(variant.questions.dataset, variant.questions.split).kb
        write_atomically(out / "mentions.jsonl", "".join(lines))
        write_atomically(out / "entities.jsonl", "".join(_entity(entity) for entity in kb))
        shutil.copyfile(folder / "log.parquet", out / "log.parquet")
        manifest = store.manifest(variant.kind, variant.key)
        images = files_digest(sorted((out / "images").iterdir()))
        facts = manifest | {"key": variant.key, "dataset": variant.questions.name, "images": images}
        write_atomically(out / "perturbation.json", json.dumps(facts, indent=1, sort_keys=True) + "\n")
    return manifest


def _mention(row: Row, logged: Row, span: tuple[int, int] | None, folder: Path, out: Path) -> str:
    source = folder / logged["image"] if logged["image"] else Path(row["image"]) if row["image"] else None
    image = None
    if source is not None and source.is_file():
        image = f"images/{row['id']}{source.suffix.lower()}"
        shutil.copyfile(source, out / image)
    kept = {key: row[key] for key in ("gold", "surface", "text", "candidates", "split")}
    return json.dumps({"id": row["mention_id"], **kept, "span": span, "image": image}, ensure_ascii=False) + "\n"


def _entity(entity: Entity) -> str:
    fields = ("id", "name", "aliases", "qid", "description", "text", "type", "popularity")
    return json.dumps({key: getattr(entity, key) for key in fields}, ensure_ascii=False) + "\n"
