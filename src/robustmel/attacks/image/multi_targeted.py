"""What attacks share that draw one wrong candidate nearer after the other."""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor

from robustmel.attacks.image.ball_attack import BallAttack
from robustmel.attacks.image.goal import Goal
from robustmel.attacks.image.options import GradientAttack
from robustmel.attacks.image.outcome import Outcome
from robustmel.attacks.quantities import at_least_one


class MultiTargetedAttack(GradientAttack, BallAttack):
    """Base of attacks toward up to `targets` wrong candidates, by falling clean score; any other that wins is a success too.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks", ICML
        2020, section 5 ("targeted").
    """

    targets: int

    def __post_init__(self) -> None:
        """Checks the values."""
        super().__post_init__()
        self._check(targets=at_least_one)

    def goals(self, outcome: Outcome) -> Iterator[Tensor | None]:
        """One target after the other; lists that are short run out before others do. The goal is as before in the end."""
        before = outcome.goal
        for column in outcome.wrong_candidates()[:, : self.targets].T:
            outcome.goal = Goal(before.gold, toward=column.clamp(min=0))
            yield column >= 0
        outcome.goal = before
