"""A poison as a grid writes it."""

from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

from robustmel.errors import UsageError
from robustmel.poisoning.poisoning import Poisoning
from robustmel.registry import Component

Target = Literal["training", "weights", "demos", "queries", "all"]
POISONING = tuple(option.name for option in fields(Poisoning))
"""Keys of a poison's table that are not its attack's."""


@dataclass(frozen=True)
class PoisonSpec:
    """What is done to training data, to demonstrations, or to queries.

    Args:
        attack: A text attack that asks nobody, with its own parameters; "none" leaves texts as they are.
        how: The share of records, and what else is done to them; None leaves them all as they are.
        target: "training": what a linker of the grid learns from, its demonstrations included; "weights": the same, with clean
            demonstrations; "demos": what a trained linker is shown; "queries": what it is asked; "all": training and queries.
    """

    attack: Component
    how: Poisoning | None = None
    target: Target = "training"

    @property
    def title(self) -> str:
        """`qwerty 10%`, or the label given; parameters of the attack are named."""
        if self.attack.label or self.how is None:
            return self.attack.title
        changed = ", ".join(f"{key}={value}" for key, value in self.attack.params.items())
        of = {"training": "", "demos": " of demonstrations", "all": " of training and queries"}.get(
            self.target, f" of {self.target}"
        )
        return f"{self.attack.title} {self.how.title}{of}" + (f" ({changed})" if changed else "")


def poison_spec(whole: Component, name: str) -> PoisonSpec:
    """A poison from its table.

    Raises:
        UsageError: A value is out of its range.
    """
    params = dict(whole.params)
    target = params.pop("target", "training")
    if target not in get_args(Target):
        raise UsageError(
            f'{name}: poison {whole.title}: target = "{target}" is unknown; it is one of {", ".join(get_args(Target))}.'
        )
    stated = {key: params.pop(key) for key in POISONING if key in params}
    own: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in stated.items()}
    component = Component(whole.name, params, whole.label)
    if whole.name == "none" and not own:
        return PoisonSpec(component)
    if not own.get("record_rate"):
        raise UsageError(f'{name}: poison {whole.title}: give a record_rate above 0, or write "none".')
    if target not in ("training", "weights") and own.keys() & {"relabel", "swap_images"}:
        raise UsageError(
            f'{name}: poison {whole.title}: relabel and swap_images poison training data; leave out target = "{target}".'
        )
    try:
        return PoisonSpec(component, Poisoning(**own), target)
    except UsageError as problem:
        raise UsageError(f"{name}: poison {whole.title}: {problem}") from None
