"""The train stage: a recipe and its data become a checkpoint."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from robustmel.datasets.dataset import Dataset
from robustmel.run.stages.shards import ProgressCallback

if TYPE_CHECKING:
    from robustmel.run.jobs import Training


def train_checkpoint(datasets: Sequence[Dataset], job: Training, out: Path, progress: ProgressCallback) -> dict[str, Any]:
    """Trains into `out`, going on where an interrupted training stopped; returns what it came to."""
    from robustmel.training.checkpoint import train
    from robustmel.training.recipe_files import read_recipe

    recipe = read_recipe(job.recipe, seed=job.seed)
    result = train(datasets, recipe, out, on_step=progress)
    progress(1, 1)
    return {
        "epochs": result.epochs,
        "best_epoch": result.best_epoch,
        "accuracies": result.accuracies,
        "remarks": result.remarks,
    }
