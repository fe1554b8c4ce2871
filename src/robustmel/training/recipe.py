"""What decides every training, as one value; each kind of training adds its own. No torch."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from robustmel.attacks.quantities import number
from robustmel.errors import UsageError
from robustmel.linkers import LINKERS
from robustmel.linkers.weights import weight_files
from robustmel.registry import is_file_component, suggestion
from robustmel.training.recipe_defences import RecordFilter

VERSION = 1
"""Raised when the same recipe and data come to other weights; part of every key."""


@dataclass(frozen=True)
class Recipe:
    """What decides a training. With the same data, seed, device and number of threads it gives the same weights.

    Args:
        family: What is trained: the name of a linker that can be trained, or the `path.py:Class` of one.
        base: A local folder, hub id or `world:NAME` to fine-tune; None makes a model anew.
        revision: Commit of a hub `base`.
        epochs: At most this many passes over the training mentions.
        batch_size: Mentions per step.
        learning_rate: Of AdamW, at the end of the warm-up; it then falls along a half cosine to zero.
        warm_up: Share of all steps.
        weight_decay: On weight matrices only.
        patience: Epochs without a better validation accuracy after which training ends; 0 never ends it.
        precision: "float16" or "float32": how the published weights are stored.
        seed: Of initialisation, order and augmentation.
        filter: Which training records are left out as suspicious; none by default.
    """

    family: str = ""
    base: str | None = None
    revision: str | None = None
    epochs: int = 30
    batch_size: int = 128
    learning_rate: float = 1e-3
    warm_up: float = 0.05
    weight_decay: float = 0.05
    patience: int = 0
    precision: str = "float16"
    seed: int = 0
    filter: RecordFilter = field(default_factory=RecordFilter)

    families: ClassVar[tuple[str, ...]] = ()
    """All of them, where a kind of training has several that are not dual encoders."""
    kind: ClassVar[str | None] = None
    """The kind of training (a name in `TRAINEES`) where no linker says it."""

    def __post_init__(self) -> None:
        for name, (wanted, stated) in self.limits().items():
            if not stated:
                raise UsageError(f"recipe: {name} must be {wanted}.")

    def limits(self) -> dict[str, tuple[str, bool]]:
        """Key -> what it must be, and whether it is."""
        return {
            "epochs": ("at least 1", self.epochs >= 1),
            "batch_size": ("at least 1", self.batch_size >= 1),
            "learning_rate": ("above 0", self.learning_rate > 0),
            "precision": ("float16 or float32", self.precision in ("float16", "float32")),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values, nested as in the TOML file; defences only where they are on, so that plain recipes stay what they were."""
        off = [name for name, defence in self._defences.items() if not defence.share]
        values = {name: value for name, value in dataclasses.asdict(self).items() if name not in off}
        for name in ("words", "flagged") if "filter" in values else ():
            if values["filter"][name] == getattr(RecordFilter, name):
                del values["filter"][name]  # as above
        return values

    def identity(self) -> dict[str, Any]:
        """What of the recipe decides the weights, for a content key; the files of `assets` belong there, too.

        Where `base` and a family of the user's own lie is left out, as the digests of their files say more.
        """
        family = LINKERS.base(self.family) if self.kind is None else self.family
        values = self.to_dict() | {"family": family, "version": VERSION, "fine_tuned": self.base is not None}
        versions = {name: defence.version for name, defence in self._defences.items() if defence.share}
        values |= {"defences": versions} if versions else {}
        return {name: value for name, value in values.items() if name not in ("base", "revision")}

    def assets(self) -> tuple[Path, ...]:
        """The files that decide the training: those of `base`, of its defences, and of a family of the user's own.

        Raises:
            MissingError: The base is not there.
        """
        file = (Path(self.family.rpartition(":")[0]),) if is_file_component(self.family) else ()
        return file + (() if self.base is None else weight_files(self.base, self.revision)) + self.defence_assets()

    def defence_assets(self) -> tuple[Path, ...]:
        """The files that decide what the defences do."""
        return tuple(path for defence in self._defences.values() for path in defence.assets)

    @property
    def _defences(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("filter", "text_augmentation") if hasattr(self, name)}


_KINDS = {str: "a text", int: "a whole number", float: "a number", dict: "a table"}


def fill(default: Any, values: Mapping[str, Any], above: str = "") -> Any:
    """A recipe, or a part of one, with the given values in place of its own; `above` names the part in messages ("weights.")."""
    defaults = {field.name: getattr(default, field.name) for field in dataclasses.fields(default)}
    changes: dict[str, Any] = {}
    for key, value in values.items():
        if key not in defaults:
            raise UsageError(f'a recipe has no "{above}{key}". {suggestion(key, defaults)}')
        changes[key] = _value(defaults[key], value, f"{above}{key}")
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
    expected_type = str if default is None else type(default)
    if (not isinstance(value, expected_type) or isinstance(value, bool)) and not (default is None and value is None):
        raise UsageError(f"recipe: {name} is {_KINDS[expected_type]}, not {value!r}.")
    return value
