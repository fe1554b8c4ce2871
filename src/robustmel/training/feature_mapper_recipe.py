"""What decides the training of GEMEL's feature mapper. No torch."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from robustmel.linkers.weights import weight_files
from robustmel.training.recipe import Recipe
from robustmel.training.recipe_defences import TextAugmentation


@dataclass(frozen=True)
class FeatureMapperRecipe(Recipe):
    """What decides the training of a feature mapper between two frozen models; see `Recipe` for the rest.

    Args:
        family: "gemel".
        base: Not used: a mapper is always made anew.
        vision: The frozen vision encoder: a CLIP or SigLIP folder, a hub id, or `world:NAME`.
        features: An HDF5 file of features that are learnt from in place of images, such as GEMEL's authors published. Of `vision` only
            the text tower is read then, for dense demonstrations; "" names none.
        language_model: The frozen language model: the same.
        visual_prefix_length: Embeddings that an image becomes.
        prompt: Version of the prompt.
        demos: Demonstrations in a training prompt; a mention is never shown to itself.
        demo_choice: "dense", "bm25", "random" or "fixed".
        demo_text: What retrieval compares: the "mention" or the "sentence".
        demo_encoder: A sentence encoder for "dense", such as a SimCSE folder; "" takes the text tower of the vision encoder.
        dtype: "float32", "bfloat16" or "float16", of the language model; the mapper is trained in float32.
        accumulation: Parts of a batch that go through the language model one after the other; the step is that of the whole.
        limit: Training mentions of each data set, the first in a seeded order; 0 takes all.
        text_augmentation: Asks about texts that an attack has edited, in place of a share of the texts; demonstrations stay. Off by
            default.
    """

    family: str = "gemel"
    epochs: int = 5
    batch_size: int = 32
    weight_decay: float = 0.01
    precision: str = "float32"
    vision: str = "world:clip-world"
    features: str = ""
    language_model: str = "world:opt-world"
    visual_prefix_length: int = 4
    prompt: int = 1
    demos: int = 2
    demo_choice: str = "dense"
    demo_text: str = "mention"
    demo_encoder: str = ""
    dtype: str = "float32"
    accumulation: int = 1
    limit: int = 0
    text_augmentation: TextAugmentation = field(default_factory=TextAugmentation)

    kind: ClassVar[str] = "gemel"

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        return super().limits() | {
            "base": ("left out: a mapper is made anew", self.base is None),
            "vision": ("named, unless features are", bool(self.vision or self.features)),
            "visual_prefix_length": ("at least 1", self.visual_prefix_length >= 1),
            "demos": ("0 or more", self.demos >= 0),
            "accumulation": ("between 1 and batch_size", 1 <= self.accumulation <= self.batch_size),
            "limit": ("0 or more", self.limit >= 0),
        }

    def assets(self) -> tuple[Path, ...]:
        """The files of the frozen models, and of the defences.

        Raises:
            MissingError: One is not there.
        """
        encoder = weight_files(self.demo_encoder) if self.demo_encoder else ()
        return self._image_assets() + weight_files(self.language_model) + encoder + self.defence_assets()

    def _image_assets(self) -> tuple[Path, ...]:
        if not self.features:
            return weight_files(self.vision)
        reads_texts = self.demo_choice == "dense" and not self.demo_encoder and self.vision
        return (Path(self.features).expanduser(), *(weight_files(self.vision) if reads_texts else ()))

    def to_dict(self) -> dict[str, Any]:
        """See `Recipe.to_dict`; without stored features where there are none."""
        return {name: value for name, value in super().to_dict().items() if name != "features" or value}

    def identity(self) -> dict[str, Any]:
        """See `Recipe.identity`; where the frozen models lie is left out, as the digests of their files say more."""
        return {
            name: value
            for name, value in super().identity().items()
            if name not in ("vision", "language_model", "demo_encoder", "features")
        }
