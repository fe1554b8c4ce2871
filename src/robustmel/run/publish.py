"""A perturbed set as a data set of its own: what others can load, inspect and be measured on."""

import json
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from robustmel.datasets.set_hashes import SetHashes, set_hashes
from robustmel.errors import MissingError, UsageError
from robustmel.export.records import mention_record
from robustmel.images import file_digest
from robustmel.kb.fields import entity_fields
from robustmel.run.builder import Builder
from robustmel.run.executors import execute
from robustmel.run.expand import expand
from robustmel.run.grid import Grid
from robustmel.run.jobs import Variant
from robustmel.run.keys import files_digest
from robustmel.run.listener import ProgressListener
from robustmel.run.locks import hold
from robustmel.run.stages.overlays import overlaid_kb, overlaid_mentions
from robustmel.run.store import Store
from robustmel.run.writing import write_atomically, writing
from robustmel.types import Mention

SAYS = "perturbation.json"
EXAMPLE = "predictions.example.jsonl"
STORE_ALONE = ("files", "checksums", "content", "key", "retry", "first_error")
"""What a manifest says for the store's own sake."""


def publish(
    grid: Grid, out: Path, store: Store, workers: int, device: str, listener: ProgressListener, with_clean: bool = False
) -> dict[str, Any]:
    """Perturbs the one data set of a grid and writes it to `out` in the project's own format.

    `out` gets `mentions.jsonl` with every field of the mentions, `entities.jsonl`, `images/` (8-bit PNG; the images of mentions
    that were not attacked are copied as they are), `log.parquet` (one row per mention), `perturbation.json` (attack, source, key, checksums, and the two hashes
    that predictions on the set carry) and `predictions.example.jsonl`. `with_clean` adds `clean/images/` and
    `clean/mentions.jsonl`: the same mentions as they were; a set whose texts changed has the latter in any case.

    Raises:
        MissingError: `out` holds something else already, or cannot be written.
    """
    if (
        out.exists()
        and not (out / SAYS).exists()
        and (not out.is_dir() or {path.name for path in out.iterdir()} - {"run.lock"})
    ):
        raise MissingError(f"{out} is not empty and holds no perturbed data set; choose another --out.")
    builder = Builder(store, device)
    plan = expand(grid, builder)
    evaluations = plan.evaluations
    variant = next((evaluation.variant for evaluation in evaluations if evaluation.variant), None)
    if variant is None:
        raise UsageError(
            "this attack does not change the input of the task, so there is nothing to publish; choose another --attack or --view."
        )
    if variant.component.parameters.get("drop_fooled"):
        raise UsageError("images made with drop_fooled = true suit one linker only; publish without it.")
    with writing(out), hold(out / "run.lock", f"folder {out}", wait=False):
        if store.has(variant.kind, variant.key) and store.manifest(variant.kind, variant.key)["kept"] != "all":
            store.forget(variant.kind, variant.key)
        chain = {variant.key, *(job.key for job in variant.beneath)}
        needed = [job for job in plan.jobs if job.kind not in ("answers", "variant") or job.key in chain]
        with writing(store.root, "choose another --store"):
            store.note(out, needed)
        execute(needed, builder, workers, listener)
        _write(variant, builder, store, out, with_clean)
    log = pq.read_table(out / "log.parquet")
    hits = log["succeeded_u8" if "succeeded_u8" in log.column_names else "succeeded"].to_pylist()
    return store.manifest(variant.kind, variant.key) | {
        "judged": sum(hit is not None for hit in hits),
        "fooled": hits.count(True),
    }


def _write(variant: Variant, builder: Builder, store: Store, out: Path, with_clean: bool) -> None:
    """Fills `out`; `perturbation.json` says from the first moment whose folder this is, and is complete at the last."""
    candidates, folder = variant.candidates, store.path(variant.kind, variant.key)
    facts = {name: value for name, value in store.manifest(variant.kind, variant.key).items() if name not in STORE_ALONE}
    about = facts | {"key": variant.key, "dataset": candidates.name} | _titles(variant)
    write_atomically(out / SAYS, json.dumps(about | {"complete": False}, indent=1, sort_keys=True) + "\n")
    for old in ("images", "clean"):
        shutil.rmtree(out / old, ignore_errors=True)
    queries = builder.asked(candidates)[0]
    dataset, sampled = builder.sampled(candidates.dataset, candidates.split, candidates.limit, candidates.sample_seed)
    clean = [replace(mention, candidates=query.candidates) for mention, query in zip(sampled, queries, strict=True)]
    ids = [query.id for query in queries]
    perturbed = list(overlaid_mentions(clean, ids, folder))
    copied = [mention.image for mention in (*perturbed, *(clean if with_clean else ())) if mention.image is not None]
    outside = next((path for path in copied if not path.is_relative_to(folder) and dataset.outside(path)), None)
    if outside is not None:
        raise MissingError(
            f"{outside} links to a file outside the data set, so it is not copied into {out}. Copy the image to its place."
        )
    _write_mentions(perturbed, ids, out, images=True)
    if with_clean or variant.component.loaded.modality == "text":
        _write_mentions(clean, ids, out / "clean", images=with_clean)
    kb = overlaid_kb(dataset.kb, folder)
    write_atomically(out / "entities.jsonl", "".join(_line(entity_fields(entity)) for entity in kb))
    names = pa.array([mention.id for mention in clean], pa.string())
    image_digests = pa.array([None if mention.image is None else file_digest(mention.image) for mention in clean], pa.string())
    table = pq.read_table(folder / "log.parquet").append_column("mention_id", names).append_column("clean_image", image_digests)
    pq.write_table(table, out / "log.parquet")
    digests = files_digest(sorted((out / "images").iterdir()))
    hashes = set_hashes(out, digests, variant.component.loaded.modality)
    write_atomically(out / EXAMPLE, example(hashes, clean))
    about |= {"images": digests, "set": hashes.set, "clean_set": hashes.clean_set, "complete": True}
    write_atomically(out / SAYS, json.dumps(about, indent=1, sort_keys=True) + "\n")


def _titles(variant: Variant) -> dict[str, Any]:
    """How tables call the attack."""
    attack = variant.component.loaded
    about = {"title": variant.attack.title, "strength": variant.attack.strength, "seed": variant.seed}
    return about | {"threat_model": attack.threat_model, "budget": attack.budget}


def _write_mentions(mentions: Sequence[Mention], ids: Sequence[str], folder: Path, images: bool) -> None:
    """Every field of the mentions, and copies of their images where asked for; one that is missing is left out."""
    (folder / "images").mkdir(parents=True)
    copies = [_copied(mention.image, name, folder) if images else None for mention, name in zip(mentions, ids, strict=True)]
    lines = [_line(mention_record(mention, image)) for mention, image in zip(mentions, copies, strict=True)]
    write_atomically(folder / "mentions.jsonl", "".join(lines))


def _copied(source: Path | None, name: str, out: Path) -> str | None:
    """Copies an image; its path in `out`, None where there is no such file."""
    if source is None or not source.is_file():
        return None
    image = f"images/{name}{source.suffix.lower()}"
    shutil.copyfile(source, out / image)
    return image


def _line(record: dict[str, Any]) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def example(hashes: SetHashes, mentions: Sequence[Mention]) -> str:
    """A file of predictions to begin with: its first line carries the set's hash, and three mentions are answered by the alphabet."""
    lines: list[dict[str, Any]] = [{"set": hashes.set, "linker": "my-linker", "task": "IT2T"}]
    for mention in mentions[:3]:
        ranked = sorted(mention.candidates or [])[:3]
        lines.append({"id": mention.id, "ranked": ranked, "scores": [0.9, 0.5, 0.1][: len(ranked)]})
    return "".join(_line(line) for line in lines)
