"""A run: a grid executed into a store, and a folder that says which artefacts its figures come from."""

import json
import logging
import os
import shutil
from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from robustmel.run.builder import Builder
from robustmel.run.changes import changes, ingredients
from robustmel.run.cluster.cluster import Cluster
from robustmel.run.cluster.options import ClusterOptions
from robustmel.run.cluster.order import plan_digest
from robustmel.run.estimate import disk_needed
from robustmel.run.executors import execute
from robustmel.run.expand import expand
from robustmel.run.grid import Grid
from robustmel.run.grid_table import table_of
from robustmel.run.interrupt import Interrupted
from robustmel.run.jobs import Job
from robustmel.run.keys import LIBRARIES, plain
from robustmel.run.listener import ProgressListener
from robustmel.run.local_processes import threads
from robustmel.run.locks import hold
from robustmel.run.plan import SAMPLE, Plan, PlannedCell
from robustmel.run.run_notes import run_notes
from robustmel.run.stages.shards import give_back_memory
from robustmel.run.store import IMAGES, Store, write_manifest
from robustmel.run.views import parts
from robustmel.run.writing import write_atomically, writing
from robustmel.version import __version__

log = logging.getLogger(__name__)

PRUNED_LATER = "prune.txt"
"""In the run folder while a run is on: keys of the sets that lose images at its end."""


@dataclass(frozen=True)
class Finished:
    """What a run did.

    Args:
        out: The run folder, with `run.json`.
        cells: How many.
        made: Artefacts made by this command.
        reused: Artefacts that were there.
        errors: Rows with an error, over all row sets.
        retried: Rows that failed in an earlier run in a way that may pass, and that this command tried again.
    """

    out: Path
    cells: int
    made: int
    reused: int
    errors: int
    retried: int = 0


def run_grid(
    grid: Grid,
    out: Path,
    store: Store,
    workers: int,
    device: str,
    listener: ProgressListener,
    show: Callable[[], object] = lambda: None,
    cluster: ClusterOptions | None = None,
) -> Finished:
    """Makes whatever a grid still lacks, and writes `run.json`. The same call goes on where an interrupted one stopped.

    Args:
        grid: What to run.
        out: The run folder.
        store: Where artefacts are kept.
        workers: Processes of this machine.
        device: "auto", "cpu" or "cuda".
        listener: Told of progress.
        show: Called when all is there, before images are dropped as `keep` says: whoever makes a gallery does it then.
        cluster: Where the work is done, if not on this machine.

    Raises:
        UsageError: The grid asks for what cannot be.
        MissingError: Data, weights or disk space are missing, or another process is writing to `out`.
        Interrupted: The user asked to stop.
    """
    builder = Builder(store, device)
    plan = expand(grid, builder)
    with writing(out), hold(out / "run.lock", f"run folder {out}", wait=False):
        for sentence in changes(plan, out):
            log.warning(sentence)
        _room(plan, out, store)
        readers = _readers(plan)
        retried = sum(store.reopen(job.kind, job.key) for job in plan.jobs)
        if retried:
            log.warning("retrying %d rows that failed in an earlier run", retried)
        jobs = [job for job in plan.jobs if not _unneeded(job, readers, store)]
        fresh = _to_prune(jobs, grid, out, store)
        places = None
        if cluster is not None:
            places = Cluster(cluster, out, store.root, device, table_of(grid), plan_digest(plan.jobs))
        made = execute(jobs, builder, workers, listener, places)
        if not all(store.has(job.kind, job.key) for job in jobs):  # answers to a set that was made anew and came out otherwise
            made += execute(jobs, builder, workers, listener, places)
        del builder  # with its data and linkers: the report needs none of them
        give_back_memory()
        errors = sum(int(store.manifest("answers", key)["errors"]) for key in set().union(*readers.values(), _clean(plan)))
        errors += sum(int(store.manifest("variant", key)["failed"]) for key in readers)
        notes = plan.notes + run_notes(plan, store)
        work: dict[str, Any] = {"retried": retried, "workers": workers, "threads": threads(workers)}
        if places is not None:
            work |= {"executor": places.options.executor, "workers": places.options.workers, "threads": places.options.cpus}
            work["lost"] = dict(places.lost)
        write_atomically(out / "run.json", _manifest(grid, plan, notes, out, store, work))
        show()
        _prune(fresh, grid, store)
        (out / PRUNED_LATER).unlink(missing_ok=True)
    return Finished(out, len(plan.cells), made, len(jobs) - made, errors, retried)


def _room(plan: Plan, out: Path, store: Store) -> None:
    """Writes down what is needed, and warns when the perturbed images may not fit; an estimate must not stop anyone."""
    with writing(store.root, "choose another --store"):
        store.note(out, plan.jobs)
    needed, free = disk_needed(plan, store), shutil.disk_usage(store.root).free
    if needed > free:
        log.warning(
            "about %.1f GB of images will be written; %.1f GB are free at %s (see keep)",
            needed / 1e9,
            free / 1e9,
            store.root,
        )


def _readers(plan: Plan) -> dict[str, set[str]]:
    """Key of a perturbed set -> keys of the answers to it."""
    readers: defaultdict[str, set[str]] = defaultdict(set)
    for evaluation in plan.evaluations:
        for variant in (evaluation.variant, *evaluation.variant.beneath) if evaluation.variant else ():
            readers[variant.key].add(evaluation.answers.key)
    return dict(readers)


def _clean(plan: Plan) -> set[str]:
    return {evaluation.answers.key for evaluation in plan.evaluations if evaluation.variant is None}


def _unneeded(job: Job, readers: dict[str, set[str]], store: Store) -> bool:
    """A perturbed set of which images were dropped matters only to answers that are still to be made; then it is made anew."""
    if job.kind != "variant" or not store.has("variant", job.key):
        return False
    if all(store.has("answers", key) for key in readers[job.key]):
        return True
    if store.manifest("variant", job.key)["kept"] != "all":
        store.forget("variant", job.key)
    return False


def _to_prune(jobs: list[Job], grid: Grid, out: Path, store: Store) -> list[str]:
    """The sets that this run makes, those of its interrupted beginnings included: written down first, since `keep` is about them."""
    if grid.keep == "all":
        return []
    noted = out / PRUNED_LATER
    before = noted.read_text("utf-8").split() if noted.is_file() else []
    fresh = [job.key for job in jobs if job.kind == "variant" and (job.key in before or not store.has(job.kind, job.key))]
    write_atomically(noted, "\n".join(fresh) + "\n")
    return fresh


def _prune(fresh: list[str], grid: Grid, store: Store) -> None:
    """Drops the images of the sets this run has made, as `keep` says; their logs stay, and so do the sets of other runs."""
    stay = SAMPLE if grid.keep == "sample" else 0
    for key in fresh:
        folder, manifest = store.path("variant", key), store.manifest("variant", key)
        images = sorted(entry.name for entry in os.scandir(folder / IMAGES)) if (folder / IMAGES).is_dir() else []
        write_manifest(folder, manifest | {"kept": grid.keep, "left": [IMAGES + image for image in images[:stay]]})
        for image in images[stay:]:
            (folder / IMAGES / image).unlink()


def _manifest(grid: Grid, plan: Plan, notes: list[str], out: Path, store: Store, work: dict[str, Any]) -> str:
    body = {
        "schema": 2,
        "robustmel": __version__,
        "libraries": {name: version(name) for name in (*LIBRARIES, "numpy", "torch")},
        "work": work,
        "store": os.path.relpath(store.root.resolve(), out.resolve()),
        "grid": plain(asdict(grid.named)),
        "notes": notes,
        "ingredients": ingredients(plan),
        "cells": [_cell(cell) for cell in plan.cells],
    }
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def _cell(planned: PlannedCell) -> dict[str, Any]:
    spec = planned.attack
    chain = [made for _, made in parts(spec, planned.component, "IT2T")]
    variants = [evaluation.variant for evaluation in planned.evaluations if evaluation.variant]
    return asdict(planned.cell) | {
        "attack_name": " upon ".join(made.identity["name"] for made in chain),
        "strength": spec.strength,
        "modality": " + ".join(sorted({made.loaded.modality for made in chain}))
        if planned.component.identity["name"] != "clean"
        else "none",
        "white_box": planned.white_box,
        "threat_model": " + ".join(sorted({made.loaded.threat_model for made in chain})),
        "budget": " + ".join(made.loaded.budget for made in chain),
        "made_on": list(dict.fromkeys(source.title for variant in variants for source in variant.asked)),
        "candidates": planned.candidates.key,
        "evaluations": [
            {
                "name": evaluation.name,
                "variant": evaluation.variant.key if evaluation.variant else None,
                "answers": evaluation.answers.key,
            }
            for evaluation in planned.evaluations
        ],
    }


__all__ = ["Finished", "Interrupted", "run_grid"]
