"""The Python interface of scripts, notebooks and the commands. Objects and names mix freely."""

import atexit
import logging
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from robustmel.attack_result import AttackResult
from robustmel.datasets import DATASETS
from robustmel.datasets.dataset import Dataset
from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.linkers.contract import Linker
from robustmel.plug_ins.process_settings import undisturbed
from robustmel.progress import progress_display
from robustmel.registry import Component, own_parameters
from robustmel.report import Report, build
from robustmel.report.predictions.score import score
from robustmel.run.cluster.options import ClusterOptions
from robustmel.run.grid import Grid, grid_of, read_grid
from robustmel.run.listener import ProgressListener
from robustmel.run.runs import Finished, run_grid
from robustmel.run.store import Store
from robustmel.run.writing import writing
from robustmel.types import Prediction, Task

__all__ = ["AttackResult", "Outcome", "attack", "execute", "link", "load_dataset", "load_linker", "report", "run", "score"]

log = logging.getLogger(__name__)

_LOADED: WeakKeyDictionary[Any, Component] = WeakKeyDictionary()
"""Linker from `load_linker` -> how it was asked for, which says what decides its answers."""


@dataclass(frozen=True)
class Outcome:
    """What a run did, and its report."""

    finished: Finished
    report: Report


def load_dataset(name: str, split: str = "all", **parameters: Any) -> Dataset:
    """A data set: `len`, iteration and slices give its mentions, `kb` the entities they point into.

    Args:
        name: As `robustmel datasets` lists them, or `path.py:Class`.
        split: "train", "validation", "test" or "all".
        parameters: As a grid sets them (`path = "data/mine"`).

    Raises:
        UsageError: The name or a parameter is unknown.
        MissingError: Files are absent or unreadable.
    """
    with undisturbed():
        loaded: Dataset = DATASETS.create(name, **parameters).load(split)
    return loaded.asked_for(Component(name, parameters))


def load_linker(name: str, kb: Any, **parameters: Any) -> Linker:
    """A linker over a knowledge base (or over a data set's).

    Args:
        name: As `robustmel linkers` lists them, or `path.py:Class`.
        kb: A knowledge base, or a data set.
        parameters: As a grid sets them (`model = "openai/clip-vit-base-patch32"`).

    Raises:
        UsageError: The name or a parameter is unknown.
        MissingError: Weights are absent.
    """
    device = {} if "device" in parameters or "device" not in own_parameters(LINKERS.load(name)) else {"device": "auto"}
    with undisturbed():
        linker: Linker = LINKERS.create(name, kb.kb if isinstance(kb, Dataset) else kb, **parameters, **device)
    with suppress(TypeError):  # a linker with slots or without a hash is not remembered: it runs, and nothing is kept
        _LOADED[linker] = Component(name, parameters)
    return linker


def run(
    grid: str | Path | None = None,
    *,
    out: str | Path | None = None,
    store: str | Path | None = None,
    workers: int = 1,
    device: str = "auto",
    **axes: Any,
) -> Report:
    """Runs a grid and reports. What was made before is used again.

    Args:
        grid: A grid file; or leave it out and give its axes: `datasets`, `linkers`, `attacks`, `tasks`, `defences`, `seeds`,
            `limit`, ... as names, tables or objects.
        out: The run folder, with its page; None keeps none after this process.
        store: Where artefacts are kept; None: `.robustmel`, or nowhere if an object has no identity that outlives this process.
        workers: Processes; objects are run in this one.
        device: "auto", "cpu" or "cuda".
        axes: The keys of a grid, as `robustmel schema` and `robustmel init` explain them.

    Raises:
        UsageError: The grid asks for what cannot be.
        MissingError: Data, weights or disk space are missing.
    """
    if grid is not None and axes:
        raise UsageError(f"run takes a grid file or axes, not both; write {', '.join(axes)} into {grid}.")
    chosen = read_grid(Path(grid)) if grid is not None else grid_of(**{name: _named(value) for name, value in axes.items()})
    folder = Path(out) if out is not None else _temporary()
    return execute(chosen, folder, _store(chosen, store), workers, device, pages=out is not None).report


def execute(
    grid: Grid,
    out: Path,
    store: Path,
    workers: int,
    device: str,
    listener: ProgressListener | None = None,
    pages: bool = True,
    cluster: ClusterOptions | None = None,
) -> Outcome:
    """Makes what a grid lacks and reports: what `run`, the commands and the selftest have in common.

    Args:
        grid: What to run.
        out: The run folder.
        store: Where artefacts are kept.
        workers: Processes.
        device: "auto", "cpu" or "cuda".
        listener: Told of progress; None shows it on the error stream.
        pages: Whether the run folder gets its page.
        cluster: Where the work is done, if not on this machine.
    """
    out, store = out.absolute(), store.absolute()  # a plug-in may change the working directory

    reports: list[Report] = []

    def page() -> None:
        reports.append(build(out, store))
        with writing(out):
            reports[-1].write_page()

    at_hand = any(component.instance is not None for component in (*grid.datasets, *grid.linkers))
    with nullcontext(listener) if listener else progress_display() as display:
        show = page if pages else lambda: None
        finished = run_grid(grid, out, Store(store), 1 if at_hand else workers, device, display, show, cluster)
    return Outcome(finished, reports[-1] if reports else build(out, store))


def attack(
    linker: str | Linker,
    data: str | Dataset,
    attack: Any = "pgd",
    *,
    strength: str = "",
    task: Task = "I2T",
    view: str = "auto",
    source: Any = "victim",
    candidates: Any = "given",
    seed: int = 0,
    store: str | Path | None = None,
    device: str = "auto",
    **parameters: Any,
) -> AttackResult:
    """Attacks a linker on a data set, and links what came out: the images at their own sizes, 8 bits, one row per mention.

    Args:
        linker: A name, or a linker.
        data: A name, or a data set (a slice will do).
        attack: A name, a table as in a grid, or an attack (`rm.PGD(eps=8 / 255)`).
        strength: "normal" or "strong", for an attack by name.
        task: "I2T", "IT2T" or "T2T".
        view: Which score the attack works on: "image", "text", "fused" (both), or "auto", what the task calls for.
        source: Whom the attack asks: "victim", or another linker.
        candidates: A candidate generator.
        seed: Of all that is drawn.
        store: See `run`.
        device: Likewise.
        parameters: Of an attack by name (`eps = 4 / 255`).
    """
    if isinstance(attack, str):
        attack = {"name": attack, **parameters}
    elif parameters or strength:
        raise UsageError("strength and parameters are for attacks given by name; set them in the attack object.")
    if isinstance(attack, dict):
        aim = {"strength": strength, "view": view, "source": source}
        attack = {**{key: value for key, value in aim.items() if value not in ("", "auto", "victim")}, **attack}
    report = run(
        datasets=[data], linkers=[linker], attacks=["clean", attack], tasks=[task], candidates=candidates, seeds=[seed],
        split="test", store=store, device=device,
    )  # fmt: skip
    return AttackResult(report)


def link(linker: str | Linker, data: str | Dataset, task: Task = "I2T", **options: Any) -> list[Prediction]:
    """What a linker answers to every mention of a data set, in its order; `options` as for `run`."""
    report = run(datasets=[data], linkers=[linker], attacks=["clean"], tasks=[task], split="test", **options)
    cell = report.run.cells[0]
    return report.run.predictions(cell, cell.evaluations[0])


def report(out: str | Path, store: str | Path | None = None) -> Report:
    """The report of a run folder.

    Raises:
        MissingError: It is no run folder, or its artefacts are gone.
    """
    return build(Path(out), None if store is None else Path(store))


def _named(value: Any) -> Any:
    """Objects of an axis as components: with the name they were loaded by, or their own."""
    if isinstance(value, Dataset):
        return Component(value.name, label=value.name, instance=value)
    if isinstance(value, str | Path | dict | int | float) or value is None:
        return str(value) if isinstance(value, Path) else value
    if isinstance(value, Sequence):
        return [_named(part) for part in value]
    loaded = None
    with suppress(TypeError):
        loaded = _LOADED.get(value) if callable(getattr(value, "link", None)) else None
    return Component(loaded.name if loaded else type(value).__name__, loaded.params if loaded else {}, instance=value)


def _store(grid: Grid, store: str | Path | None) -> Path:
    if store is not None:
        return Path(store)
    nameless = [linker.title for linker in grid.linkers if linker.instance is not None and linker.name not in LINKERS]
    if nameless:
        log.warning("%s has no identity that outlives this process, so nothing of this run is kept; a class in a file has one"
                    " (path.py:%s).", nameless[0], nameless[0])  # fmt: skip
        return _temporary()
    return Path(".robustmel")


def _temporary() -> Path:
    """A folder for as long as this process lives."""
    folder = Path(tempfile.mkdtemp(prefix="robustmel-"))
    remove: Callable[..., Any] = shutil.rmtree
    atexit.register(remove, folder, ignore_errors=True)
    return folder
