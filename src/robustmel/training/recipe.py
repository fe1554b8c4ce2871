"""Everything that decides a training, as one value. No torch."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from robustmel.attacks.quantities import number, pixel_length
from robustmel.errors import MissingError, UsageError
from robustmel.linkers.texts import QueryText, check_texts
from robustmel.registry import suggestion


@dataclass(frozen=True)
class Architecture:
    """Shape of a model made from its config; without meaning where a checkpoint is fine-tuned.

    Args:
        image_size: Side of the square the model sees, in pixels.
        patch_size: Side of one patch, in pixels. ALIGN's convolutions halve the image until a place is one patch.
        vision_width: Width of the vision transformer; of ALIGN's last convolutions.
        vision_depth: Its number of layers; ALIGN's number of blocks at each size.
        text_width: Width of the text transformer. SigLIP has no image projection: there it must equal `vision_width`.
        text_depth: Its number of layers.
        heads: Attention heads of both.
        projection: Dimension of the shared space; without meaning for ALIGN and SigLIP, where it is `vision_width`.
        vocabulary: Size of the byte-level BPE vocabulary, learnt from the training texts; 259 is the least.
    """

    image_size: int = 48
    patch_size: int = 8
    vision_width: int = 96
    vision_depth: int = 4
    text_width: int = 96
    text_depth: int = 2
    heads: int = 4
    projection: int = 64
    vocabulary: int = 1500


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
class Weights:
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
        family: "align", "blip", "blip2", "clip", "flava", "owlvit" or "siglip"; its own loss is used: the pairwise sigmoid for
            SigLIP, the symmetric cross-entropy for the others.
        base: A local folder or hub id to fine-tune; None makes a model from `architecture`.
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
    weights: Weights = field(default_factory=Weights)
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

    @classmethod
    def from_mapping(cls, given: Mapping[str, Any]) -> Recipe:
        """A recipe from nested plain values; what is not given keeps its default.

        Raises:
            UsageError: A name is unknown, or a value has the wrong type or is out of range.
        """
        recipe: Recipe = _filled(cls(), given, "")
        return recipe


def read_recipe(file: Path | None = None, settings: Sequence[str] = (), **given: Any) -> Recipe:
    """The recipe of a TOML file (or of a published `training_recipe.json`), then `given`, then `key=value` settings ("augmentation.shift=0.1"), the later ones winning.

    Raises:
        UsageError: The file or a setting is not TOML, or names what does not exist.
        MissingError: The file is absent.
    """
    values: dict[str, Any] = {}
    if file is not None:
        try:
            text = file.read_text(encoding="utf-8-sig")
            values = _without_nulls(json.loads(text)["recipe"]) if file.suffix == ".json" else tomllib.loads(text)
        except OSError as problem:
            raise MissingError(f"no recipe {file}: {problem.strerror}.") from problem
        except (ValueError, KeyError, TypeError) as problem:
            raise UsageError(f"recipe {file} cannot be read: {problem}.") from problem
    values |= {key: value for key, value in given.items() if value is not None}
    recipe = Recipe.from_mapping(values)
    for setting in settings:
        recipe = _filled(recipe, _setting(setting), "")
    return recipe


def _without_nulls(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_nulls(value) if isinstance(value, dict) else value for key, value in values.items() if value is not None
    }


def _setting(setting: str) -> dict[str, Any]:
    key, separator, value = setting.partition("=")
    if not separator:
        raise UsageError(f'"{setting}" sets nothing; write key=value, for example epochs=10.')
    for attempt in (f"{key} = {value}", f'{key} = """{value}"""'):  # a bare word is taken as text
        try:
            return tomllib.loads(attempt)
        except tomllib.TOMLDecodeError:
            continue
    raise UsageError(f'"{setting}" is no setting; write key=value, for example epochs=10.')


_KINDS = {str: "a text", int: "a whole number", float: "a number"}


def _filled(default: Any, given: Mapping[str, Any], above: str) -> Any:
    known = {one.name: getattr(default, one.name) for one in dataclasses.fields(default)}
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
        return _filled(default, value, f"{name}.")
    if isinstance(default, float) and isinstance(value, str) and "/" in value:
        return number(f"recipe: {name}", value)
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wanted = str if default is None else type(default)
    if (not isinstance(value, wanted) or isinstance(value, bool)) and not (default is None and value is None):
        raise UsageError(f"recipe: {name} is {_KINDS[wanted]}, not {value!r}.")
    return value
