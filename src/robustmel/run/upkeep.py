"""Maintenance of a store: its contents by run, what no run needs, and what to recompute."""

import json
import shutil
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError
from robustmel.images import is_there
from robustmel.run.locks import hold
from robustmel.run.plan import TURNS
from robustmel.run.store import RUNS, Store

Artefact = tuple[str, str]
"""Kind and key."""


def inventory(store: Store) -> str:
    """Artefacts and size of each kind, of each run that rests on them, and of what no run needs.

    Raises:
        MissingError: There is no such store.
    """
    lying, runs = _lying(store), _runs(store)
    kinds = [(kind, {artefact for artefact in lying if artefact[0] == kind}) for kind in TURNS]
    used: set[Artefact] = set().union(*runs.values())
    lines = [f"{kind:<10}  {_sum(artefacts, lying)}" for kind, artefacts in kinds if artefacts]
    lines += [f"run {out}: {_sum(artefacts & lying.keys(), lying)}" for out, artefacts in runs.items()]
    left = lying.keys() - used
    return "\n".join([*lines, f"of no run: {_sum(left, lying)}" + ("; --clean removes them" if left else "")])


def clean(store: Store) -> str:
    """Removes what no run needs; what was removed, in words. A run folder that was deleted or moved away needs nothing."""
    lying, runs = _lying(store), _runs(store)
    left = lying.keys() - set().union(*runs.values())
    for kind, key in left:
        store.forget(kind, key)
        shutil.rmtree(store.partial(kind, key), ignore_errors=True)
    for note in (store.root / RUNS).glob("*.json"):
        if _noted(store, note)[0] not in runs:
            note.unlink()
    return f"removed: {_sum(left, lying)}"


def redo(store: Store, out: Path) -> str:
    """Removes all that a run rests on, so that its command makes it anew; what was removed, in words.

    Raises:
        MissingError: The store knows no such run, or it is going on.
    """
    lying, runs = _lying(store), _runs(store)
    wanted = next((known for known in runs if known.resolve() == out.resolve()), None)
    if wanted is None:
        raise MissingError(f"no run in {out} uses the store {store.root}; `robustmel store` lists those that do.")
    with hold(out / "run.lock", f"run folder {out}", wait=False):
        for kind, key in runs[wanted] & lying.keys():
            store.forget(kind, key)
            shutil.rmtree(store.partial(kind, key), ignore_errors=True)
    return f"removed: {_sum(runs[wanted] & lying.keys(), lying)}; the run's command recomputes them"


def _lying(store: Store) -> dict[Artefact, int]:
    """What lies in the store, finished or not, and its bytes."""
    if not store.root.is_dir():
        raise MissingError(f"no store {store.root}. Name one with --store.")
    lying: dict[Artefact, int] = {}
    for kind in TURNS:
        for folder in (store.root / kind).glob("*/*/"):
            artefact = (kind, folder.name.removesuffix(".partial"))
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            lying[artefact] = lying.get(artefact, 0) + size
    return lying


def _runs(store: Store) -> dict[Path, set[Artefact]]:
    """Run folders (and published sets) that still stand, and what they rest on."""
    noted = (_noted(store, note) for note in sorted((store.root / RUNS).glob("*.json")))
    marks = ("run.json", "perturbation.json", "run.lock")
    return {out: artefacts for out, artefacts in noted if any((out / mark).exists() for mark in marks)}


def _noted(store: Store, note: Path) -> tuple[Path, set[Artefact]]:
    try:
        content: Any = json.loads(note.read_text("utf-8")) if is_there(note) else None  # a pipe would be read for ever
        return (store.root / content["out"]).resolve(), {(kind, key) for kind, key in content["artefacts"]}
    except (OSError, ValueError, KeyError, TypeError):
        raise MissingError(
            f"{note} cannot be read, so the needs of its run are unknown. Delete it, and run its grid again."
        ) from None


def _sum(artefacts: Set[Artefact], sizes: Mapping[Artefact, int]) -> str:
    return f"{len(artefacts)} artefacts, {sum(sizes[artefact] for artefact in artefacts) / 1e6:,.1f} MB"
