"""What may stand in a grid file, key by key: pydantic validates it, and editors get it as a JSON schema."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from robustmel.types import Task

AttackView = Literal["auto", "image", "fused", "text"]
RESERVED = ("victim", "each", "others")
"""What a source may be beside the label of a linker, so that no linker may be called by it."""

Keep = Literal["all", "sample", "none"]


def _no_truth_value(value: Any) -> Any:
    """True and false are numbers to Python, not to a reader."""
    if isinstance(value, bool):
        raise ValueError(f"must be a whole number, not {str(value).lower()}")
    return value


WholeNumber = Annotated[int, BeforeValidator(_no_truth_value)]


class GridTable(BaseModel):
    """The file's own keys."""

    model_config = ConfigDict(extra="forbid")

    datasets: list[str | dict[str, Any]] = Field(min_length=1, description="Data sets: names, or tables with parameters.")
    linkers: list[str | dict[str, Any]] = Field(min_length=1, description="Linkers: names, FILE.py:Class, or tables.")
    tasks: list[Task] = Field(
        default=["I2T", "IT2T"], min_length=1, description="I2T reads the image, IT2T image and text, T2T the text alone."
    )
    attacks: list[str | dict[str, Any]] = Field(default=["clean"], description="Attacks: names, or tables with a strength.")
    defences: list[str | dict[str, Any]] = Field(
        default=["none"], min_length=1, description="Defences to put around the linkers."
    )
    candidates: str | dict[str, Any] = Field(default="given", description="The candidate generator.")
    split: str = Field(default="test", description='The split that is linked, or "all".')
    seeds: list[WholeNumber] = Field(default=[0], min_length=1, description="Seeds; everything random is repeated for each.")
    sample_seed: WholeNumber = Field(default=0, description="Decides which mentions `limit` keeps.")
    limit: WholeNumber | None = Field(default=None, ge=0, description="Take a random sample of this many mentions.")
    batch_size: WholeNumber = Field(default=32, ge=1, description="Images attacked at once.")
    keep: Keep = Field(default="all", description="Which perturbed images to keep after scoring.")
    poisons: list[str | dict[str, Any]] = Field(default=["none"], min_length=1, description="How training data are poisoned.")

    @field_validator("tasks", "seeds", "linkers", "datasets", "attacks", "defences", "poisons")
    @classmethod
    def _no_repeats(cls, value: list[Any]) -> list[Any]:
        for index, entry in enumerate(value):
            if entry in value[:index]:
                raise ValueError(f"{entry!r} stands there twice")
        return value


class SourceTable(BaseModel):
    """A source behind a defence of its own: `source = {linker = ..., defence = ...}`."""

    model_config = ConfigDict(extra="forbid")

    linker: str | tuple[str, ...] = Field(description="The linker to attack.")
    defence: str = Field(default="", description="The defence around it; none for no defence.")


class AttackTable(BaseModel):
    """The keys of an attack's table that say how it is aimed; the others are the attack's own."""

    model_config = ConfigDict(extra="ignore")

    strength: str = Field(default="", description="Named settings of the literature: normal or strong.")
    profile: str = Field(default="", description="Another version of these settings: paper or cui.")
    source: str | tuple[str, ...] = Field(
        default="victim", description="The linker the attack is made on: victim, each, others, a linker, or several at once."
    )
    source_defence: str = Field(
        default="", description="The defence in front of the source: none, victim, or a defence's name."
    )
    view: AttackView = Field(default="auto", description="Which score is attacked; auto follows the task.")
    logits: Literal["cosine", "scaled"] = Field(default="cosine", description="scaled applies the linker's temperature.")
    max_side: WholeNumber = Field(
        default=512, ge=1, description="Longer images are scaled down to this many pixels before the attack."
    )
    eot: WholeNumber = Field(default=1, ge=1, description="Fresh draws of a random source to average over at each step.")
    upon: str | dict[str, Any] | None = Field(default=None, description="The attack on whose set this one is made.")

    @model_validator(mode="before")
    @classmethod
    def _unfold_source(cls, value: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(value.get("source"), dict):
            return value
        source = SourceTable.model_validate(value["source"])
        return value | {"source": source.linker, "source_defence": source.defence}

    @field_validator("source")
    @classmethod
    def _an_ensemble_has_two(cls, value: str | tuple[str, ...]) -> str | tuple[str, ...]:
        if isinstance(value, str):
            return value
        if len(value) < 2:
            raise ValueError(f'an ensemble needs two linkers or more; write source = "{value[0] if value else "victim"}"')
        for index, entry in enumerate(value):
            if entry in value[:index] or entry in RESERVED:
                raise ValueError(f'"{entry}" {"stands there twice" if entry in value[:index] else "names no linker"}')
        return value


def complaints(problem: ValidationError) -> str:
    """All that is wrong, in plain words."""
    return "; ".join(dict.fromkeys(_complaint(detail["loc"], detail["type"], detail) for detail in problem.errors()))


def _complaint(place: tuple[str | int, ...], kind: str, detail: Mapping[str, Any]) -> str:
    bounds = detail.get("ctx", {})
    reason = {
        "missing": "is missing",
        "too_short": "is empty",
        "list_type": "must be a list",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "finite_number": "must be a whole number",
        "string_type": "must be text",
        "literal_error": f"must be one of {bounds.get('expected')}, not {detail['input']!r}",
        "greater_than_equal": f"must be at least {bounds.get('ge')}, not {detail['input']!r}",
        "extra_forbidden": "is unknown",
        "value_error": str(bounds.get("error")),
    }.get(kind, detail["msg"].replace("Input should be", "must be"))
    parts = [str(part) for part in place]
    if len(parts) > 1 and parts[-1] in ("str", "dict[str,any]"):
        parts, reason = parts[:-1], "must be a name or a table"
    return f"{'.'.join(parts)} {reason}" if kind != "value_error" else f"{'.'.join(parts)}: {reason}"
