"""What the small language models that are made anew share as trainees."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from robustmel.datasets.dataset import Dataset
from robustmel.training.language_model_recipe import TransformerRecipe
from robustmel.training.publish import publish
from robustmel.training.trainee import CandidateLists


class FreshLanguageModel:
    """Base of both; see `Trainee`.

    Args:
        datasets: What is read.
        recipe: Shape and optimisation.
    """

    recipe: TransformerRecipe
    tokenizer: Any
    model: Any

    def __init__(self, datasets: Sequence[Dataset], recipe: Any) -> None:
        raise NotImplementedError

    @classmethod
    def prepare(cls, datasets: Sequence[Dataset], recipe: Any, candidates: CandidateLists | None) -> Self:
        """Learns the tokenizer and makes the model; candidates have no meaning here, as none is chosen among."""
        return cls(datasets, recipe)

    def merit(self, validation: Mapping[str, float]) -> float:
        """All shares added."""
        return sum(validation.values())

    def publish(self, folder: Path) -> None:
        """A folder that the library's `AutoModel...` and `AutoTokenizer` load."""
        publish(self.model, self.tokenizer, folder, self.recipe.precision)
