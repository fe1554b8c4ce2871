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
    "zero gradients",
    "some gradients were zero everywhere",
    "Zero gradients hide a linker from the attack without making it robust: replace the step that has no gradient by a smooth one on"
    " the backward pass (BPDA), or attack by scores alone (Square).",
    "an attack that takes gradients",
)
PLATEAU = Kind(
    "loss_plateau",
    "attacks that make no progress",
    "the loss never rose on some images that withstood the attack",
    "The scores may be flat, which is not robustness: attack the scores before the step that flattens them, use another loss (dlr, cw),"
    " or attack by scores alone (Square).",
    "an attack that takes gradients, and images that withstand it",
)
DIFFERING = Kind(
    "nondeterministic",
    "answers that change when repeated",
    "the linker answered differently when asked the same twice",
    "Each figure is one draw, and the gradient of one draw misleads an attack: make the answers repeatable (evaluation mode, no"
    " dropout, seeds of its own), or attack the average over many draws (EOT) and judge on fresh ones.",
    "answers made by this version",
)
TRAINING = Kind(
    "nondeterministic",
    DIFFERING.title,
    "the model is in training mode, so dropout or batch statistics change its answers",
    "Nobody would use the model like this: call model.eval() and run again.",
    DIFFERING.needs,
)
BLACK_BOX = Kind(
    "black_box_wins",
    "black-box attacks that win",
    "attacks without gradients break more than white-box attacks of the same radius or a larger one",
    "The gradients mislead, so the white-box figure is too high: count the lowest figure of all attacks, and attack by BPDA, EOT or"
    " scores alone (Square) with more queries.",
    "noise, an attack by scores alone or images made on another linker, beside a white-box attack of no smaller radius",
)
GROWING = Kind(
    "not_growing_with_eps",
    "larger budgets that break no more",
    "a larger radius breaks less",
    "The larger radius allows every change that the smaller one does, so the attack is stuck: give it more steps, restarts or another"
    " step size, and count the lower figure meanwhile.",
    "one attack on the linker itself at two radii or more, or at 0.2",
)
INCOMPLETE = Kind(
    "not_growing_with_eps",
    GROWING.title,
    "many mentions withstand a radius at which images are hardly recognisable",
    "The attack does not work here, so smaller radii prove nothing: look for steps without a gradient and for randomness"
    " in the linker, and attack by BPDA, EOT or scores alone (Square).",
    GROWING.needs,
)
SETTINGS = Kind(
    "strong_weaker_than_normal",
    "strong settings that are weaker than normal ones",
    "the strong setting breaks less than the normal one",
    "The strong setting is stuck or does not suit this linker: give it more steps or another step size, and count the lower figure"
    " meanwhile.",
    "one attack on the linker itself at both settings",
)
ABOVE = Kind(
    "above_clean",
    "more linked under attack than without it",
    "the linker links more mentions under attack than without it, beyond chance",
    "An attack should not help: check that attack and linker see the same image and candidates (size, view, source), and do not read"
    " these figures as robustness.",
    "the clean images beside an attack",
)
ROUNDING = Kind(
    "rounding",
    "success lost when images are saved",
    "some images fool the linker only until they are saved in 8 bits",
    "Accuracy is measured on the saved images, so rounding raises it: give the attack a margin (kappa), or"
    " a radius of whole 255ths.",
    "an attack that asks for scores",
)
PROBABILITIES = Kind(
    "probabilities",
    "scores that look like probabilities",
    "the scores look like probabilities, which flattens the attack's loss",
    "The attack is weaker than it could be: return the scores from before the softmax.",
    "an attack that asks for scores",
)

KINDS = {one.code: one for one in (ZERO, PLATEAU, DIFFERING, BLACK_BOX, GROWING, SETTINGS, ABOVE, ROUNDING, PROBABILITIES)}
"""By code, in the order of a report."""
