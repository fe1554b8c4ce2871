"""The kinds of doubt there are, in the words that a report uses for them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of doubt.

    Args:
        code: Names it in JSON and CSV.
        title: Names it in a report.
        says: What is the matter; where, stands in brackets behind it.
        means: What follows from it and what to do, a sentence of its own.
        needs: What a grid must hold, or there is nothing to examine.
    """

    code: str
    title: str
    says: str
    means: str
    needs: str


ZERO = Kind(
    "zero_gradients",
    "gradients that are zero",
    "gradients that the attack asked for were zero",
    "What withstands there may only be hidden from the attack: put a smooth step in place of the one without a gradient on the way"
    " back (BPDA), or attack by scores alone (Square).",
    "an attack that takes gradients",
)
PLATEAU = Kind(
    "loss_plateau",
    "attacks that do not get ahead",
    "the attack did not get ahead on images that withstood it; its loss stayed where it began",
    "They may withstand because the scores are flat, not because the linker is robust: attack the scores before the step that"
    " flattens them, use another loss (dlr, cw), or attack by scores alone (Square).",
    "an attack that takes gradients, and images that withstand it",
)
DIFFERING = Kind(
    "nondeterministic",
    "answers that differ when asked twice",
    "asked the same twice, it answered differently",
    "Each figure is one draw, and the gradient of one draw misleads an attack: make the answers repeatable (evaluation mode, no"
    " dropout, seeds of its own), or attack the average over many draws (EOT) and judge on fresh ones.",
    "answers made by this version",
)
TRAINING = Kind(
    "nondeterministic",
    DIFFERING.title,
    "its model is in training mode, where dropout or batch statistics change the answers",
    "The figures are those of a model that nobody would use: switch it to evaluation mode (model.eval()) and run again.",
    DIFFERING.needs,
)
BLACK_BOX = Kind(
    "black_box_wins",
    "attacks that see less and break more",
    "attacks that see less break more than those that see the gradients, at no larger radius",
    "The gradients mislead, so the white-box figure is too high: count the lowest figure of all attacks, and attack by BPDA, EOT or"
    " scores alone (Square) with more queries.",
    "noise, an attack by scores alone or images made on another linker, beside a white-box attack of no smaller radius",
)
GROWING = Kind(
    "not_growing_with_eps",
    "larger budgets that break no more",
    "the same attack breaks less with a larger radius",
    "Whatever fools at the smaller radius is allowed at the larger one too, so the attack is stuck, not the linker robust: give it"
    " more steps, restarts or another step size, and count the lower figure meanwhile.",
    "one attack on the linker itself at two radii or more, or at 0.2",
)
INCOMPLETE = Kind(
    "not_growing_with_eps",
    GROWING.title,
    "much withstands a radius at which images are hardly recognisable",
    "So the attack does not work here, and smaller radii prove nothing either: look for steps without a gradient and for randomness"
    " in the linker, and attack by BPDA, EOT or scores alone (Square).",
    GROWING.needs,
)
SETTINGS = Kind(
    "strong_weaker_than_normal",
    "strong settings that are weaker than normal ones",
    "the strong setting breaks less than the normal one",
    "A stronger attack should not fall behind, so it is stuck or its settings do not suit this linker: give it more steps or another"
    " step size, and count the lower figure meanwhile.",
    "one attack on the linker itself at both settings",
)
ABOVE = Kind(
    "above_clean",
    "more linked under attack than without it",
    "more mentions are linked under attack than without it, beyond chance",
    "An attack does not help by itself: check that attack and linker see the same image and the same candidates (size, view,"
    " source), and do not read these figures as robustness.",
    "the clean images beside an attack",
)
ROUNDING = Kind(
    "rounding",
    "success lost when images are saved",
    "images that fool no longer do once they are saved in 8 bits",
    "Accuracy is counted on the saved images, so it is higher than against the attack itself: give the attack a margin (kappa), or"
    " a radius of whole 255ths.",
    "an attack that asks for scores",
)
PROBABILITIES = Kind(
    "probabilities",
    "scores that look like probabilities",
    "its scores look like probabilities, on which an attack's loss goes flat",
    "The attack is weaker than it could be: let the linker hand out its scores from before the softmax.",
    "an attack that asks for scores",
)

KINDS = {one.code: one for one in (ZERO, PLATEAU, DIFFERING, BLACK_BOX, GROWING, SETTINGS, ABOVE, ROUNDING, PROBABILITIES)}
"""By code, in the order of a report."""
