"""The train stage: a recipe and its data become a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustmel.datasets.dataset import Dataset
from robustmel.run.stages.shards import Progress

if TYPE_CHECKING:
    from robustmel.run.jobs import Checkpoint


def train_checkpoint(datasets: Sequence[Dataset], job: Checkpoint, out: Path, progress: Progress) -> dict[str, Any]:
    """Trains into `out`, going on where an interrupted training stopped; returns what it came to."""
    from robustmel.training.dual_encoder import train_dual_encoder
    from robustmel.training.recipe import Recipe

    recipe = Recipe.from_mapping({name: value for name, value in job.recipe.items() if value is not None} | {"seed": job.seed})
    result = train_dual_encoder(datasets, recipe, out, progress=lambda epoch: progress(epoch.number, recipe.epochs))
    progress(recipe.epochs, recipe.epochs)
    return {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "accuracies": result.accuracies,
        "remarks": result.remarks,
    }
