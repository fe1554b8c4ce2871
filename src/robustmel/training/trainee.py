"""The interface between the training loop and a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from robustmel.datasets.dataset import Dataset
from robustmel.errors import MissingError, UsageError
from robustmel.linkers import LINKERS
from robustmel.registry import Preset, is_file_component
from robustmel.training.recipe import Recipe

CandidateLists = Sequence[Sequence[tuple[str, ...]] | None]
"""For every data set the candidates of its held-out mentions, in order; None where the mentions bring their own."""


class Trainee(Protocol):
    """A model together with what it is trained on: a dual encoder, a feature mapper before a frozen language model."""

    remarks: Counter[str]
    """What was left out of the data or cut, and how often."""

    @classmethod
    def prepare(cls, datasets: Sequence[Dataset], recipe: Recipe, candidates: CandidateLists | None) -> Trainee:
        """Reads the data and makes or loads the model; the same arguments give the same bits.

        Raises:
            UsageError: The recipe does not fit the model or the data.
            MissingError: Data or weights are missing.
        """

    @property
    def model(self) -> nn.Module:
        """The module that is trained and whose state is kept; what stays frozen is no part of it."""

    @property
    def digests(self) -> Mapping[str, str]:
        """Digests of all that decides the training beside the recipe: "data", "start" (base weights), ..."""

    @property
    def steps(self) -> int:
        """Number of batches in an epoch, at least 1."""

    def batches(self, epoch: int) -> Iterator[Any]:
        """The batches of an epoch (counted from 1); they depend on the recipe's seed and the epoch alone."""

    def loss(self, batch: Any, epoch: int, step: int) -> Tensor | Iterator[Tensor]:
        """The loss of a batch, a scalar with a gradient, or scalars that add up to it and are followed back one by one.

        `step` counts from 0 in the epoch.
        """

    def validate(self) -> dict[str, float]:
        """Accuracies on the validation mentions by name; {} where there are none."""

    def merit(self, validation: Mapping[str, float]) -> float:
        """What the best epoch has most of, from what `validate` gave."""

    def publish(self, folder: Path) -> None:
        """Writes all that a linker loads, over whatever an interrupted publishing left."""

    def measure(
        self, folder: Path, dataset: Dataset, split: str, candidates: Sequence[tuple[str, ...]] | None
    ) -> dict[str, float]:
        """Accuracy per task of what `publish` wrote, on one split; {} where it has no mention."""


def epoch_seed(seed: int, epoch: int) -> int:
    """What an epoch's draws begin with, from the recipe's seed."""
    return (seed * 1_000_003 + epoch) % 2**63


def epoch_generator(seed: int, epoch: int) -> torch.Generator:
    """For the order of an epoch's batches."""
    return torch.Generator().manual_seed(epoch_seed(seed, epoch))


def no_training_mention(datasets: Sequence[Dataset]) -> MissingError:
    """The sentence for data sets without anything to learn from."""
    return MissingError(f"no training mention in {', '.join(dataset.name for dataset in datasets)}: none has the split train.")


def kind_of_training(recipe: Recipe) -> str:
    """The name in `TRAINEES` of what a training by this recipe trains, as the linker of its family says.

    Raises:
        UsageError: There is no such family, or it cannot be trained.
    """
    if recipe.kind is not None:
        return recipe.kind
    family = recipe.family
    entry = None if is_file_component(family) else LINKERS[family]
    if isinstance(entry, Preset):
        raise UsageError(f'{family} is a checkpoint, not a family; set family = "{entry.name}" and base = "world:{family}".')
    kind: str | None = getattr(LINKERS.load(family), "trained_as", None)
    if kind is None:
        raise UsageError(f"linker {family} cannot be trained: its class states no kind of training (trained_as).")
    return kind
