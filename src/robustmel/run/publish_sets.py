"""Several perturbed sets of the same mentions as one folder: a set for each attack, the clean images once, a card, checksums."""

import json
import shutil
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from robustmel.errors import MissingError, printable
from robustmel.export.folder import write_checksums
from robustmel.run.builder import Builder
from robustmel.run.grid import Grid
from robustmel.run.listener import ProgressListener
from robustmel.run.publish import SAYS, publish
from robustmel.run.store import Store
from robustmel.run.writing import write_atomically, writing

CARD = "README.md"
_LOCK = "run.lock"


def publish_sets(
    grids: Sequence[Grid], out: Path, store: Store, workers: int, device: str, listener: ProgressListener
) -> dict[str, dict[str, Any]]:
    """Publishes the set of each grid to a folder of `out` that is called like its attack; returns what `publish` says of each.

    The grids differ in their attack alone. `out` also gets `clean/`, README.md (the card) and checksums.sha256. The same command
    goes on after an interruption.

    Raises:
        MissingError: `out` holds something else, or cannot be written.
    """
    names = {grid.attacks[-1].title: grid for grid in grids}  # the first is clean
    if out.exists() and (
        not out.is_dir() or {path.name for path in out.iterdir()} - {*names, "clean", CARD, "checksums.sha256"}
    ):
        raise MissingError(f"{out} holds something else; choose another --out.")
    facts: dict[str, dict[str, Any]] = {}
    for name, grid in names.items():
        first = not facts
        facts[name] = publish(grid, out / name, store, workers, device, listener, with_clean=first)
        if first:
            shutil.rmtree(out / "clean", ignore_errors=True)
            (out / name / "clean").rename(out / "clean")
        (out / name / _LOCK).unlink(missing_ok=True)
    with writing(out):
        write_atomically(out / CARD, card(grids[0], out, facts, store))
        (out / "checksums.sha256").unlink(missing_ok=True)
        write_checksums(out)
    return facts


def card(grid: Grid, out: Path, facts: Mapping[str, Mapping[str, Any]], store: Store) -> str:
    """The text of README.md."""
    dataset, _ = Builder(store).sampled(grid.datasets[0], grid.split, grid.limit, grid.sample_seed)
    sets = []
    for name, found in facts.items():
        about = json.loads((out / name / SAYS).read_text("utf-8"))
        own = {"name": name, "title": about["title"], "budget": about["budget"], "hash": about["set"]}
        sets.append(own | {"attacked": found["states"].get("ok", 0), "fooled": found["fooled"], "judged": found["judged"]})
    mentions = max(found["mentions"] for found in facts.values())
    template = (resources.files("robustmel.run") / "set_card.md.jinja").read_text("utf-8")
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
    values = {
        "dataset": dataset.name,
        "licence": dataset.licence,
        "source": grid.linkers[0].title,
        "mentions": mentions,
        "sets": sets,
    }
    return environment.from_string(template).render(values, printable=printable)
