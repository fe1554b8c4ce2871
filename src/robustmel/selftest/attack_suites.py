"""Which attacks the selftest tries at which budgets, as a grid writes them."""

from collections.abc import Sequence
from typing import Any

from robustmel.attacks import ATTACKS
from robustmel.errors import UsageError
from robustmel.registry import Component

AttackTable = dict[str, Any]
"""An inline table of a grid's `attacks`."""

HUGE_BUDGET = 51
"""The budget, in 255ths, that is 0.2: little should withstand it."""

WHITE_BOXES = (Component("pgd"), Component("apgd"), Component("apgd", {"loss": "dlr"}, "apgd-dlr"))
"""What is tried at every budget of a ladder."""


def attack_at(attack: Component, level: int) -> AttackTable:
    """An attack at level/255, and what it ends with handed back even where nothing fooled, so that one sees how far it got.

    An attack with a step size gets an eighth of the budget unless it says otherwise: twenty steps then reach every corner.

    Raises:
        UsageError: It has no parameter `eps`, or the name is unknown.
    """
    accepted = ATTACKS.parameters(attack.name, attack.params)
    if "eps" not in accepted:
        raise UsageError(f"attack {attack.title} has no parameter eps, so the selftest cannot set its budget; add one.")
    table: AttackTable = {"name": attack.name, **attack.params, "eps": f"{level}/255", "label": f"{attack.title} {level}/255"}
    if "step_size" in accepted and "step_size" not in attack.params:
        table["step_size"] = f"{level}/{255 * 8}"
    if "on_failure" in accepted:
        table["on_failure"] = "last"
    return table


def at_every_budget(attacks: Sequence[Component], levels: Sequence[int]) -> list[AttackTable]:
    """Every attack at every budget, besides the clean images."""
    return [{"name": "clean"}, *(attack_at(attack, level) for level in levels for attack in attacks)]


def attack_suite(level: int, queries: int) -> list[AttackTable]:
    """The white boxes at one budget, what sees less at the same (noise, and search by scores alone), and PGD where nothing should last."""
    black_boxes = [attack_at(Component("noise"), level), attack_at(Component("square", {"queries": queries}), level)]
    return [*at_every_budget(WHITE_BOXES, [level]), *black_boxes, attack_at(Component("pgd"), HUGE_BUDGET)]
