"""One wrong candidate after the other, the most likely first: what targeted members of an ensemble draw nearer."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from robustmel.attacks.goal import Goal
from robustmel.attacks.outcome import Outcome


def aim_at_each(outcome: Outcome, most: int) -> Iterator[Tensor | None]:
    """Aims the batch at one wrong candidate after the other, by falling clean score; any other that wins is a success too.

    Yields:
        bool (B,): the images that have such a candidate; short lists run out before others do.

    Args:
        outcome: The batch; its goal is changed with every step, and is as before in the end.
        most: How many candidates at most.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks", ICML
        2020, section 5 ("targeted").
    """
    before = outcome.goal
    ranked = outcome.wrong_candidates()
    for column in ranked[:, :most].T:
        outcome.goal = Goal(before.gold, toward=column.clamp(min=0))
        yield column >= 0
    outcome.goal = before
