"""What decides the training of a small multimodal language model, made anew. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from robustmel.linkers.architecture import Architecture
from robustmel.linkers.weights import weight_files
from robustmel.training.dual_encoder_recipe import Augmentation
from robustmel.training.recipe import Recipe


@dataclass(frozen=True)
class Shares:
    """How often a training mention is asked in each way; they are weights, not shares of 1.

    Args:
        image: By its image alone (I2T).
        fused: By image and text (IT2T).
        text: By its text alone (T2T).
        describe: For the main object, colours and shapes of its image, as far as the entity's description names them.
    """

    image: float = 5.0
    fused: float = 3.0
    text: float = 1.0
    describe: float = 1.0


@dataclass(frozen=True)
class MLLMRecipe(Recipe):
    """What decides the training of a multimodal language model; see `Recipe` for the rest.

    Args:
        family: "llava", "qwen2.5-vl" or "minigpt4".
        vision: A dual encoder whose vision tower is begun with: a folder, a hub id, or `world:NAME`; "" begins anew.
        prompt: Version of the linker's prompt.
        context: Tokens that the language model can read at once.
        architecture: Shape of both towers.
        augmentation: Of the training images.
        shares: How often is asked for what.
    """

    family: str = "llava"
    batch_size: int = 64
    weight_decay: float = 0.01
    vision: str = ""
    prompt: int = 1
    context: int = 512
    architecture: Architecture = field(default_factory=lambda: Architecture(text_width=128, text_depth=4, vocabulary=2000))
    augmentation: Augmentation = field(default_factory=Augmentation)
    shares: Shares = field(default_factory=Shares)

    families: ClassVar[tuple[str, ...]] = ("llava", "qwen2.5-vl", "minigpt4")
    kind: ClassVar[str | None] = "mllm"

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        shares = vars(self.shares).values()
        return super().limits() | {
            "base": ("left out: a multimodal language model is made anew", self.base is None),
            "context": ("at least 64", self.context >= 64),
            "shares": ("0 or more, one of them above 0", min(shares) >= 0 and max(shares) > 0),
        }

    def assets(self) -> tuple[Path, ...]:
        """The files of the vision tower that is begun with.

        Raises:
            MissingError: They are not there.
        """
        return (weight_files(self.vision) if self.vision else ()) + super().assets()

    def identity(self) -> dict[str, Any]:
        """See `Recipe.identity`; where the vision tower lies is left out, as the digests of its files say more."""
        decides: Mapping[str, Any] = super().identity()
        return {name: value for name, value in decides.items() if name != "vision"} | {"begun": bool(self.vision)}
