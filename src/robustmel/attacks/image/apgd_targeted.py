"""Targeted Auto-PGD, the second member of AutoAttack (Croce and Hein, 2020)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from robustmel.attacks.contract import Noise
from robustmel.attacks.image.apgd import APGD
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball_attack import MultiTargetedAttack


@dataclass(frozen=True)
class TargetedAPGD(MultiTargetedAttack):
    """Auto-PGD toward each of the likeliest wrong candidates: finds what APGD misses (Croce & Hein, 2020).

    Whichever wrong candidate comes out first, the image is fooled, and is not attacked further. Lists with fewer than four
    candidates are attacked by the lead of the target over the right candidate instead of the difference of logits ratio.

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        steps: Number of gradient steps toward each target; 0 leaves images as they are.
        targets: Number of targets at most, those first that score highest on the clean image; shorter lists have fewer.
        loss: "dlr", the difference of logits ratio, or "ce", cross-entropy.
        restarts: Runs toward each target, from fresh random starts.
        drop_fooled: See `GradientAttack`, as for the options after it.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
        ICML 2020, section 5 and equation 7; steps and targets as there.
    """

    eps: float = 8 / 255
    steps: int = 100
    targets: int = 9
    loss: Literal["dlr", "ce"] = "dlr"
    restarts: int = 1

    random: ClassVar[bool] = True
    version: ClassVar[int] = 2

    def passes(self) -> int:
        """Those of Auto-PGD for each target, and one for their order."""
        return self.targets * self._toward_one.passes() + 1 + self.clean_passes

    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start toward one target; see `BallAttack`."""
        self._toward_one.run(batch, rows, noise, start)

    @property
    def _toward_one(self) -> APGD:
        return APGD(self.eps, self.steps, self.loss, restarts=self.restarts)
