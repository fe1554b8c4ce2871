"""Recipes from a file, by the name of a packaged one, or from a table, with changes. No torch."""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from robustmel.errors import MissingError, UsageError
from robustmel.records.toml_text import bounded_text, toml_table
from robustmel.registry import suggestion
from robustmel.training.dual_encoder_recipe import DualEncoderRecipe
from robustmel.training.feature_mapper_recipe import FeatureMapperRecipe
from robustmel.training.language_model_recipe import LanguageModelRecipe, MaskedLanguageModelRecipe
from robustmel.training.mllm_recipe import MLLMRecipe
from robustmel.training.recipe import Recipe, fill

PACKAGED = Path(__file__).parents[1] / "world" / "recipes"

RECIPES: dict[str, type[Recipe]] = {
    "dual-encoder": DualEncoderRecipe,
    "gemel": FeatureMapperRecipe,
    "language-model": LanguageModelRecipe,
    "mllm": MLLMRecipe,
    "masked-language-model": MaskedLanguageModelRecipe,
}
"""What `robustmel train` can train -> the recipe that says how."""


def recipe_class(family: str | None) -> type[Recipe]:
    """The recipe of a family; dual encoders are many, and share one, and so do multimodal language models."""
    return next((kind for kind in RECIPES.values() if family in (kind.families or (kind.family,))), DualEncoderRecipe)


def packaged_recipes() -> dict[str, Path]:
    """The recipes of the embedded checkpoints, by name ("clip-world")."""
    return {file.stem: file for file in sorted(PACKAGED.glob("*.toml"))}


def read_recipe(source: Path | str | Mapping[str, Any] | None = None, settings: Sequence[str] = (), **given: Any) -> Recipe:
    """A recipe, then what is `given`, then `key=value` settings ("augmentation.shift=0.1"), the later ones winning.

    Args:
        source: A TOML file, a published `training_recipe.json`, the name of a packaged recipe, or a table; a table may name
            another source in `recipe`, which it changes. None starts from the defaults.
        settings: As on the command line.
        given: Top-level values; None leaves one as it is.

    Raises:
        UsageError: The file or a setting is not TOML, or names what does not exist.
        MissingError: There is no such file or packaged recipe.
    """
    changes: dict[str, Any] = {} if source is None else dict(source) if isinstance(source, Mapping) else _values(source)
    based = read_recipe(changes.pop("recipe")) if isinstance(source, Mapping) and "recipe" in source else None
    layers = [changes, {name: value for name, value in given.items() if value is not None}, *map(_setting, settings)]
    families = [layer["family"] for layer in layers if isinstance(layer.get("family"), str)]
    kind = recipe_class((families or [based.family if based else None])[-1])
    if based is not None and not isinstance(based, kind):
        raise UsageError(f'the recipe of family "{based.family}" cannot be changed to family "{families[-1]}"; name another.')
    recipe: Recipe = based or kind()
    for layer in layers:
        recipe = fill(recipe, layer)
    return recipe


def recipe_keys(kind: type[Recipe] = DualEncoderRecipe) -> Iterator[tuple[str, Any]]:
    """Every key that a recipe of a class may set, as `key=value` settings spell it, with its default."""
    recipe = kind()
    for field in dataclasses.fields(recipe):
        default = getattr(recipe, field.name)
        if dataclasses.is_dataclass(default):
            yield from ((f"{field.name}.{part.name}", getattr(default, part.name)) for part in dataclasses.fields(default))
        else:
            yield field.name, default


def _values(source: Path | str) -> dict[str, Any]:
    packaged = packaged_recipes()
    file = Path(source).expanduser()
    if not file.is_file() and str(source) in packaged:
        file = packaged[str(source)]
    try:
        text = file.read_text(encoding="utf-8-sig") if file.suffix == ".json" else bounded_text(file)
        if file.suffix == ".json":
            return _without_nulls(json.loads(text)["recipe"])
        return toml_table(text, f"recipe {source} cannot be read")
    except OSError as problem:
        hint = "" if file.suffix else f" {suggestion(str(source), packaged)}"
        raise MissingError(f"no recipe {source}: {problem.strerror}.{hint}") from problem
    except (ValueError, KeyError, TypeError, RecursionError) as problem:
        raise UsageError(f"recipe {source} cannot be read: {problem}.") from problem


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
            return toml_table(attempt, "")
        except UsageError:
            continue
    raise UsageError(f'"{setting}" is not a setting; write key=value, for example epochs=10.')
