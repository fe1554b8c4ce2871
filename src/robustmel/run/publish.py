"""A perturbed set as a data set of its own: what others can load, inspect and be measured on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.attacks import ATTACKS
from robustmel.datasets.seal import Seal, seal
from robustmel.errors import MissingError, UsageError
from robustmel.kb.fields import entity_fields
from robustmel.run.builder import Builder
from robustmel.run.executors import Watch, execute
from robustmel.run.grid import Grid
from robustmel.run.jobs import Variant
from robustmel.run.keys import file_digest, files_digest
from robustmel.run.locks import hold
from robustmel.run.plan import expand
from robustmel.run.stages.shards import Row, read_table
from robustmel.run.store import Store, write_atomically, writing
from robustmel.types import Entity, Query

SAYS = "perturbation.json"
EXAMPLE = "predictions.example.jsonl"


def publish(
    grid: Grid, out: Path, store: Store, workers: int, device: str, watch: Watch, with_clean: bool = False
) -> dict[str, Any]:
    """Perturbs the one data set of a grid and writes it to `out` in the project's own format.

    `out` gets `mentions.jsonl`, `entities.jsonl`, `images/` (8-bit PNG; the images of mentions that could not be attacked are
    copied as they are), `log.parquet` (one row a mention), `perturbation.json` (attack, source, key, checksums, and the two hashes
    that predictions on the set carry) and `predictions.example.jsonl` (docs/predictions.md). `with_clean` adds `clean/images/` and
    `clean/mentions.jsonl`: the same mentions with the images they had.

    Raises:
        MissingError: `out` holds something else already, or cannot be written.
    """
    if (out / "mentions.jsonl").exists() and not (out / SAYS).exists():
        raise MissingError(f"{out} holds a data set that is no perturbed one; choose another --out.")
    builder = Builder(store, device)
    plan = expand(grid, builder)
    variant = next((view.variant for cell in plan.cells for view in cell.views if view.variant), None)
    if variant is None:
        raise UsageError("attack clean leaves every image as it is: there is nothing to publish; choose another --attack.")
    if variant.made.parameters.get("drop_fooled"):
        raise UsageError("images made with drop_fooled = true serve one decision of one linker alone; publish them without it.")
    with writing(out), hold(out / "run.lock", f"folder {out}", wait=False):
        if store.has(variant.kind, variant.key) and store.manifest(variant.kind, variant.key)["kept"] != "all":
            store.forget(variant.kind, variant.key)
        execute([variant.questions, variant], builder, workers, watch)
        _write(variant, builder, store, out, with_clean)
    return store.manifest(variant.kind, variant.key)


def _write(variant: Variant, builder: Builder, store: Store, out: Path, with_clean: bool) -> None:
    """Fills `out`; `perturbation.json` says from the first moment whose folder this is, and is complete at the last."""
    folder = store.path(variant.kind, variant.key)
    about = (
        store.manifest(variant.kind, variant.key) | {"key": variant.key, "dataset": variant.questions.name} | _titles(variant)
    )
    write_atomically(out / SAYS, json.dumps(about | {"complete": False}, indent=1, sort_keys=True) + "\n")
    for old in ("images", "clean"):
        shutil.rmtree(out / old, ignore_errors=True)
    (out / "images").mkdir()
    log = read_table(folder / "log.parquet")
    asked = read_table(store.path("candidates", variant.questions.key) / "questions.parquet")
    queries = builder.asked(variant.questions)[0]
    images = [_copied(_image(query, logged, folder), query.id, out) for query, logged in zip(queries, log, strict=True)]
    lines = [_mention(*one) for one in zip(asked, queries, images, strict=True)]
    kb = builder.dataset(variant.questions.dataset, variant.questions.split).kb
    write_atomically(out / "entities.jsonl", "".join(_entity(entity) for entity in kb))
    names = pa.array([row["mention_id"] for row in asked], pa.string())
    shown = pa.array([None if query.image is None else file_digest(query.image) for query in queries], pa.string())
    table = pq.read_table(folder / "log.parquet").append_column("mention_id", names).append_column("clean_image", shown)
    pq.write_table(table, out / "log.parquet")
    write_atomically(out / "mentions.jsonl", "".join(lines))
    if with_clean:
        _write_clean(asked, queries, out / "clean")
    digests = files_digest(sorted((out / "images").iterdir()))
    sealed = seal(out, digests)
    write_atomically(out / EXAMPLE, example(sealed, asked))
    about |= {"images": digests, "set": sealed.set, "clean_set": sealed.clean_set, "complete": True}
    write_atomically(out / SAYS, json.dumps(about, indent=1, sort_keys=True) + "\n")


def _titles(variant: Variant) -> dict[str, Any]:
    """How tables call the attack."""
    attack = ATTACKS.load(variant.made.component.name)(**variant.made.parameters)
    about = {"title": variant.attack.title, "strength": variant.attack.strength, "seed": variant.seed}
    return about | {"threat_model": attack.threat_model, "budget": attack.budget}


def _write_clean(asked: Sequence[Row], queries: Sequence[Query], folder: Path) -> None:
    """The mentions with the images they had, beside the same knowledge base."""
    (folder / "images").mkdir(parents=True)
    lines = [_mention(row, query, _copied(query.image, query.id, folder)) for row, query in zip(asked, queries, strict=True)]
    write_atomically(folder / "mentions.jsonl", "".join(lines))


def _image(query: Query, logged: Row, folder: Path) -> Path | None:
    return folder / logged["image"] if logged["image"] else query.image


def _copied(source: Path | None, name: str, out: Path) -> str | None:
    """Copies an image; its path in `out`, None where there is no such file."""
    if source is None or not source.is_file():
        return None
    image = f"images/{name}{source.suffix.lower()}"
    shutil.copyfile(source, out / image)
    return image


def _mention(row: Row, query: Query, image: str | None) -> str:
    kept = {key: row[key] for key in ("gold", "surface", "text", "candidates", "split")}
    return json.dumps({"id": row["mention_id"], **kept, "span": query.span, "image": image}, ensure_ascii=False) + "\n"


def _entity(entity: Entity) -> str:
    return json.dumps(entity_fields(entity), ensure_ascii=False) + "\n"


def example(sealed: Seal, asked: Sequence[Row]) -> str:
    """A file of predictions to begin with: its first line carries the set's hash, and three mentions are answered by the alphabet."""
    lines: list[dict[str, Any]] = [{"set": sealed.set, "linker": "my-linker", "task": "IT2T"}]
    for row in asked[:3]:
        ranked = sorted(row["candidates"] or [])[:3]
        lines.append({"id": row["mention_id"], "ranked": ranked, "scores": [0.9, 0.5, 0.1][: len(ranked)]})
    return "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
