"""How many records are poisoned, which of them, and what is done to them beside the edits of a text attack."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from robustmel.errors import UsageError

Popularity = Literal["all", "popular", "unpopular"]


@dataclass(frozen=True)
class Poisoning:
    """A share of records, and the corruption of each.

    Args:
        record_rate: Share of the selected records that is poisoned, in [0, 1].
        select: "all"; "popular" or "unpopular", records about entities with more than three training mentions or with at most three;
            or ids of entities, the records about them.
        relabel: Id of the entity that every poisoned record then has as its label (a targeted attack); None keeps the labels (clean-label).
        trigger: A phrase that is inserted into every poisoned text, "" for none.
        swap_images: Whether poisoned records get each other's images.
        whole_entities: Whether all records of an entity are poisoned before any of the next: nothing clean then contradicts them.

    Raises:
        UsageError: A value is out of its range.
    """

    record_rate: float
    select: Popularity | tuple[str, ...] = "all"
    relabel: str | None = None
    trigger: str = ""
    swap_images: bool = False
    whole_entities: bool = False

    def __post_init__(self) -> None:
        rate = self.record_rate
        if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 <= rate <= 1:
            raise UsageError(f"record_rate is a share between 0 and 1, not {rate!r}.")
        if isinstance(self.select, str):
            if self.select not in get_args(Popularity):
                raise UsageError(
                    f'select = "{self.select}" is unknown; it is "all", "popular", "unpopular" or a list of entity ids.'
                )
        elif not self.select or not _texts(self.select):
            raise UsageError(f"select = {self.select!r} lists no entity ids.")
        if self.relabel is not None and not _texts([self.relabel]):
            raise UsageError(f"relabel = {self.relabel!r} is no entity id; leave it out to keep the labels.")
        if self.trigger and not _texts([self.trigger]):
            raise UsageError(f"trigger = {self.trigger!r} is no phrase.")
        for name in ("swap_images", "whole_entities"):
            if not isinstance(getattr(self, name), bool):
                raise UsageError(f"{name} = {getattr(self, name)!r} must be true or false.")

    @property
    def identity(self) -> dict[str, Any]:
        """What of it enters a key: all that is not as it is by default."""
        values = {option.name: (getattr(self, option.name), option.default) for option in fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, (value, default) in values.items()
            if value != default
        }

    @property
    def title(self) -> str:
        """`10% of popular, label Q42, trigger "cf"`."""
        of = "" if self.select == "all" else f" of {self.select if isinstance(self.select, str) else ' '.join(self.select)}"
        more = [f"label {self.relabel}"] * (self.relabel is not None) + [f'trigger "{self.trigger}"'] * bool(self.trigger)
        more += ["images swapped"] * self.swap_images + ["whole entities"] * self.whole_entities
        return ", ".join([f"{100 * self.record_rate:.4g}%{of}", *more])


def _texts(values: Sequence[object]) -> bool:
    return all(isinstance(value, str) and value.strip() for value in values)
