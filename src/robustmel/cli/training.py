"""`train dual-encoder`: from options to a recipe, and from epochs to lines."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustmel.registry import Component
from robustmel.run.grid import component_from_text

if TYPE_CHECKING:
    from robustmel.datasets.dataset import Dataset
    from robustmel.training.loop import Epoch


def train_from_command_line(
    out: Path,
    datasets: Sequence[str],
    family: str | None,
    base: str | None,
    recipe: Path | None,
    changes: Sequence[str],
    generator: str,
) -> None:
    """Trains, prints the accuracies, and then the checkpoint's folder."""
    from robustmel.datasets import DATASETS
    from robustmel.errors import UsageError
    from robustmel.training.dual_encoder import train_dual_encoder
    from robustmel.training.families import family as check_family
    from robustmel.training.publish import RECORD
    from robustmel.training.recipe import read_recipe
    from robustmel.training.sources import shown_source
    from robustmel.training.state import STATE

    if not (family or base or recipe):
        raise UsageError(
            "nothing says what to train: give --family clip (or siglip, align, blip, blip2, flava, owlvit), --base FOLDER, or --recipe FILE."
        )
    settings = read_recipe(recipe, changes, family=family, base=base)
    check_family(settings.family)
    if settings.base and any(change.startswith("architecture") for change in changes):
        raise UsageError("architecture is that of --base and cannot be set; leave it out, or train anew with --family.")
    if out.is_dir() and any(out.iterdir()) and not any((out / name).exists() for name in (STATE, RECORD)):
        raise UsageError(
            f"{out} is not empty and holds no training; choose another --out, so that nothing of yours is written over."
        )
    components = [component_from_text(one) for one in datasets]
    loaded = [DATASETS.create(one.name, **one.params).load() for one in components]
    chosen = component_from_text(generator)
    asked, last = ([_candidates(dataset, split, chosen) for dataset in loaded] for split in ("validation", "test"))
    sources = [shown_source(one.name, one.params) for one in components]
    result = train_dual_encoder(loaded, settings, out, candidates=asked, test_candidates=last, progress=_line, sources=sources)
    for dataset in loaded:
        found = result.accuracies.get(dataset.name, {}).get("test", {})
        shown = "  ".join(f"{task} {value:.1%}" for task, value in found.items()) or "no test mentions"
        print(f"{dataset.name} test: {shown}", file=sys.stderr)
    for remark, count in result.remarks.items():
        print(f"{remark}: {count}", file=sys.stderr)
    print(result.folder)


def _candidates(dataset: Dataset, split: str, generator: Component) -> list[tuple[str, ...]]:
    from robustmel.candidates import CANDIDATES

    asked = [mention for mention in dataset.mentions if mention.split == split]
    train = [mention for mention in dataset.mentions if mention.split == "train"]
    found: Any = CANDIDATES.create(generator.name, **generator.params)
    lists: list[tuple[str, ...]] = found.candidates(asked, dataset.kb, train) if asked else []
    return lists


def _line(epoch: Epoch) -> None:
    shown = "  ".join(f"{task} {value:.1%}" for task, value in epoch.validation.items())
    best = "  *" if epoch.best else ""
    print(f"epoch {epoch.number}: loss {epoch.loss:.3f}  {shown}{best}  {epoch.seconds:.0f} s", file=sys.stderr, flush=True)
