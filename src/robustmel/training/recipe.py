"""Everything that decides a training, as one value. No torch."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustmel.attacks.quantities import number, pixel_length
from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.linkers.architecture import Architecture
from robustmel.linkers.texts import QueryText, check_texts
from robustmel.linkers.weights import weight_files
from robustmel.registry import is_file_component, suggestion

VERSION = 1
"""Raised when the same recipe and data come to other weights; part of every key."""


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
    """Adversarial training of the image tower; see `adversarial.hardened`. Off unless `eps` is above 0.

    Lengths are in units of the pixel range [0, 1], also as "2/255", and hold for images at the model's own resolution: an
    attack at the size of a larger image has as large an effect after the resize at most, but for the overshoot of the resampling.

    Args:
        eps: Radius of the L-infinity ball.
        steps: Gradient steps of the inner maximisation; each costs a forward and a backward pass of the image tower.
        step_size: Length of one.
    """

    eps: float = 0.0
    steps: int = 2
    step_size: float = 1 / 255

    def __post_init__(self) -> None:
        for name in ("eps", "step_size"):
            pixel_length(f"adversarial.{name}", getattr(self, name))
        if self.eps and (self.steps < 1 or self.step_size == 0):
            raise UsageError(
                "recipe: adversarial.steps must be at least 1 and step_size above 0; set eps = 0 to switch it off."
            )


@dataclass(frozen=True)
class Recipe:
    """What decides a training. With the same data, seed, device and number of threads it gives the same weights.

    Args:
        family: Name of a linker that can be trained ("align", "blip", "blip2", "clip", "flava", "owlvit", "siglip"), or the
            `path.py:Class` of one; the family's own loss is used.
        base: A local folder, hub id or `world:NAME` to fine-tune; None makes a model from `architecture`.
        revision: Commit of a hub `base`.
        architecture: Shape of a model made anew.
        augmentation: Random changes of the training data.
        weights: Weights of the terms of the loss.
        adversarial: Trains on the worst images within a ball instead of the images; off by default.
        prompt: The entity text that linkers score; `{name}`, `{description}` and `{type}` are filled in.
        query_text: "both" (surface and sentence), "sentence" or "surface".
        names_only: Share of entity texts that are the prompt with the name; the rest are aliases and descriptions.
        text_length: Tokens a text is cut to; cuts are counted.
        epochs: At most this many passes over the training mentions.
        batch_size: Mentions per step.
        learning_rate: Of AdamW, at the end of the warm-up; it then falls along a half cosine to zero.
        warm_up: Share of all steps.
        weight_decay: On weight matrices only.
        patience: Epochs without a better validation accuracy (I2T + IT2T) after which training ends; 0 never ends it.
        precision: "float16" or "float32": how the published weights are stored.
        seed: Of initialisation, order and augmentation.
    """

    family: str = "clip"
    base: str | None = None
    revision: str | None = None
    architecture: Architecture = field(default_factory=Architecture)
    augmentation: Augmentation = field(default_factory=Augmentation)
    weights: LossWeights = field(default_factory=LossWeights)
    adversarial: Adversarial = field(default_factory=Adversarial)
    prompt: str = "a photo of {name}"
    query_text: QueryText = "both"
    names_only: float = 0.7
    text_length: int = 64
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    warm_up: float = 0.05
    weight_decay: float = 0.05
    patience: int = 0
    precision: str = "float16"
    seed: int = 0

    def __post_init__(self) -> None:
        check_texts(self.prompt, self.query_text, "{text}")
        shape = self.architecture
        expected = {
            "epochs": ("at least 1", self.epochs >= 1),
            "batch_size": ("at least 2: a contrastive loss compares", self.batch_size >= 2),
            "learning_rate": ("above 0", self.learning_rate > 0),
            "precision": ("float16 or float32", self.precision in ("float16", "float32")),
            "names_only": ("between 0 and 1", 0 <= self.names_only <= 1),
            "architecture.image_size": ("a multiple of patch_size", shape.image_size % shape.patch_size == 0),
            "architecture.heads": (
                "a divisor of both widths",
                shape.vision_width % shape.heads == 0 and shape.text_width % shape.heads == 0,
            ),
        }
        for name, (wanted, kept) in expected.items():
            if not kept:
                raise UsageError(f"recipe: {name} must be {wanted}.")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, nested as in the TOML file; `adversarial` only where it is on, so that plain recipes stay what they were."""
        values = dataclasses.asdict(self)
        if not self.adversarial.eps:
            del values["adversarial"]
        return values

    def identity(self) -> dict[str, Any]:
        """What of the recipe decides the weights, for a content key; the files of `assets` belong there, too.

        Where `base` and a family of the user's own lie is left out, as the digests of their files say more.
        """
        family = LINKERS.base(self.family)
        values = self.to_dict() | {"family": family, "version": VERSION, "fine_tuned": self.base is not None}
        return {name: value for name, value in values.items() if name not in ("base", "revision")}

    def assets(self) -> tuple[Path, ...]:
        """The files that decide the training: those of `base`, and the file of a family of the user's own.

        Raises:
            MissingError: The base is not there.
        """
        own = (Path(self.family.rpartition(":")[0]),) if is_file_component(self.family) else ()
        return own + (() if self.base is None else weight_files(self.base, self.revision))


_KINDS = {str: "a text", int: "a whole number", float: "a number"}


def fill(default: Any, given: Mapping[str, Any], above: str = "") -> Any:
    """A recipe, or a part of one, with the given values in place of its own; `above` names the part in messages ("weights.")."""
    known = {field.name: getattr(default, field.name) for field in dataclasses.fields(default)}
    changes: dict[str, Any] = {}
    for key, value in given.items():
        if key not in known:
            raise UsageError(f'a recipe has no "{above}{key}". {suggestion(key, known)}')
        changes[key] = _value(known[key], value, f"{above}{key}")
    return dataclasses.replace(default, **changes)


def _value(default: Any, value: Any, name: str) -> Any:
    if dataclasses.is_dataclass(default):
        if not isinstance(value, Mapping):
            raise UsageError(f"recipe: {name} is a table; write [{name}] and its parameters below.")
        return fill(default, value, f"{name}.")
    if isinstance(default, float) and isinstance(value, str) and "/" in value:
        return number(f"recipe: {name}", value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = str if default is None else type(default)
    if (not isinstance(value, wanted) or isinstance(value, bool)) and not (default is None and value is None):
        raise UsageError(f"recipe: {name} is {_KINDS[wanted]}, not {value!r}.")
    return value
