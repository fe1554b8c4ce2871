"""What decides the training of a dual encoder. No torch."""

from dataclasses import dataclass, field
from typing import Any

from robustmel.attacks.quantities import one_of, pixel_length
from robustmel.errors import UsageError
from robustmel.linkers.architecture import Architecture
from robustmel.linkers.texts import QueryText, check_texts
from robustmel.training.recipe import Recipe
from robustmel.training.recipe_defences import TextAugmentation


@dataclass(frozen=True)
class Augmentation:
    """Random changes of the training images, drawn anew in every epoch; 0 switches one off.

    Images are never mirrored: flags, signs and faces with a parting are other things in the mirror.

    Args:
        shift: Largest shift, as a share of the side.
        scale: Largest change of the size, as a share.
        brightness: Largest factor added to or taken from 1.
        contrast: The same, around the image's mean.
        hue: Largest rotation of the hue, in turns.
        noise: Largest standard deviation of pixel noise, in units of [0, 1].
        tokens: Share of the tokens of a query text that are left out.
    """

    shift: float = 0.08
    scale: float = 0.12
    brightness: float = 0.25
    contrast: float = 0.25
    hue: float = 0.02
    noise: float = 0.04
    tokens: float = 0.1


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms of the loss; each is the family's own loss between two sides.

    Args:
        image: Image against entity text: what I2T reads.
        text: Query text against entity text: what T2T reads.
        fused: Normalised sum of image and query text against entity text: what IT2T reads.
        pair: Image against its own query text, as the family is trained at scale.
    """

    image: float = 1.0
    text: float = 1.0
    fused: float = 0.0
    pair: float = 0.0


@dataclass(frozen=True)
class Adversarial:
    """Adversarial training of the image tower; off unless `eps` is above 0.

    Lengths are in units of the pixel range [0, 1], also as "2/255", and hold for images at the model's own resolution: an
    attack at the size of a larger image has as large an effect after the resize at most, but for the overshoot of the resampling.

    Args:
        eps: Radius of the L-infinity ball.
        steps: Gradient steps of the inner maximisation; each costs a forward and a backward pass of the image tower.
        step_size: Length of one.
        aim: "labels" trains on the worst images with the loss of the recipe (`adversarial.adversarial_images`); "embedding" draws their
            embeddings to those that `base` gives the clean images, and nothing else (`embedding_preserving.preserving_loss`).
    """

    eps: float = 0.0
    steps: int = 2
    step_size: float = 1 / 255
    aim: str = "labels"

    def __post_init__(self) -> None:
        one_of("adversarial.aim", self.aim, "labels", "embedding")
        for name in ("eps", "step_size"):
            pixel_length(f"adversarial.{name}", getattr(self, name))
        if self.eps and (self.steps < 1 or self.step_size == 0):
            raise UsageError(
                "recipe: adversarial.steps must be at least 1 and step_size above 0; set eps = 0 to switch it off."
            )


@dataclass(frozen=True)
class Consistency:
    """Mentions of one entity as views that must agree; see `consistency.consistency_loss`. Off unless a weight is above 0.

    Args:
        divergence: Weight of the symmetric Kullback-Leibler divergence between the views' beliefs.
        contrast: Weight of the supervised contrastive loss between the views' embeddings.
        temperature: Of the contrastive loss.
        drop: Share of its tokens that the made second view of a mention loses which is alone of its entity in its batch.
    """

    divergence: float = 0.0
    contrast: float = 0.0
    temperature: float = 0.1
    drop: float = 0.3

    @property
    def on(self) -> bool:
        """Whether it takes part in the loss."""
        return self.divergence > 0 or self.contrast > 0


@dataclass(frozen=True)
class DualEncoderRecipe(Recipe):
    """What decides the training of a dual encoder; see `Recipe` for the rest.

    Args:
        family: "align", "blip", "blip2", "clip", "flava", "owlvit", "siglip", or the `path.py:Class` of a linker; the family's own
            loss is used.
        architecture: Shape of a model made anew.
        augmentation: Random changes of the training data.
        weights: Weights of the terms of the loss.
        adversarial: Trains on the worst images within a ball instead of the images; off by default.
        text_augmentation: Trains on texts that an attack has edited, in place of a share of the texts; off by default.
        consistency: Has texts of one entity's mentions agree; off by default.
        prompt: The entity text that linkers score; `{name}`, `{description}` and `{type}` are filled in.
        query_text: "both" (surface and sentence), "sentence" or "surface".
        names_only: Share of entity texts that are the prompt with the name; the rest are aliases and descriptions.
        text_length: Tokens a text is cut to; cuts are counted.
    """

    family: str = "clip"
    architecture: Architecture = field(default_factory=Architecture)
    augmentation: Augmentation = field(default_factory=Augmentation)
    weights: LossWeights = field(default_factory=LossWeights)
    adversarial: Adversarial = field(default_factory=Adversarial)
    text_augmentation: TextAugmentation = field(default_factory=TextAugmentation)
    consistency: Consistency = field(default_factory=Consistency)
    prompt: str = "a photo of {name}"
    query_text: QueryText = "both"
    names_only: float = 0.7
    text_length: int = 64

    def __post_init__(self) -> None:
        check_texts(self.prompt, self.query_text, "{text}")
        super().__post_init__()

    def limits(self) -> dict[str, tuple[str, bool]]:
        """See `Recipe.limits`."""
        shape = self.architecture
        return super().limits() | {
            "batch_size": ("at least 2: a contrastive loss compares", self.batch_size >= 2),
            "names_only": ("between 0 and 1", 0 <= self.names_only <= 1),
            "base": ("given where adversarial.aim is embedding", self.base is not None or not self.preserving),
            "consistency.divergence": ("0 or more", self.consistency.divergence >= 0),
            "consistency.contrast": ("0 or more", self.consistency.contrast >= 0),
            "consistency.temperature": ("above 0", self.consistency.temperature > 0),
            "consistency.drop": ("between 0 and 1", 0 <= self.consistency.drop <= 1),
            "architecture.image_size": ("a multiple of patch_size", shape.image_size % shape.patch_size == 0),
            "architecture.heads": (
                "a divisor of both widths",
                shape.vision_width % shape.heads == 0 and shape.text_width % shape.heads == 0,
            ),
        }

    @property
    def preserving(self) -> bool:
        """Whether embeddings are kept instead of labels learnt."""
        return self.adversarial.eps > 0 and self.adversarial.aim == "embedding"

    def to_dict(self) -> dict[str, Any]:
        """See `Recipe.to_dict`; `adversarial` and `consistency` only where they are on, so that plain recipes stay what they were."""
        off = [name for name, on in (("adversarial", self.adversarial.eps), ("consistency", self.consistency.on)) if not on]
        values = {name: value for name, value in super().to_dict().items() if name not in off}
        if "adversarial" in values and not self.preserving:
            del values["adversarial"]["aim"]  # as above
        return values
