"""AutoAttack (Croce and Hein, 2020): four attacks in a row, each on the images that the others did not break."""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from robustmel.attacks.contract import Noise
from robustmel.attacks.image.apgd import APGD
from robustmel.attacks.image.apgd_targeted import TargetedAPGD
from robustmel.attacks.image.attacked_batch import AttackedBatch
from robustmel.attacks.image.ball_attack import BallAttack
from robustmel.attacks.image.fab import FAB
from robustmel.attacks.image.options import GradientAttack
from robustmel.attacks.image.square import Square


@dataclass(frozen=True)
class AutoAttack(GradientAttack, BallAttack):
    """Four attacks in a row, for a reliable estimate of the worst case (AutoAttack; Croce & Hein, 2020).

    Auto-PGD on the cross-entropy, targeted Auto-PGD, targeted FAB and Square, each on the images that still withstand. With the defaults this is the authors' standard ensemble. The log says which member fooled which image. What `plan` says
    it costs is the most, for an image that withstands all; one that is fooled costs no more than the members so far.

    Args:
        eps: Radius of the L-infinity ball, in units of the pixel range [0, 1]; 0 leaves images as they are. Also as "8/255".
        steps: Gradient steps of Auto-PGD, and toward each target; 0 leaves these members out.
        targets: Targets of the targeted members at most, those first that score highest on the clean image.
        queries: Square's queries an image at most; 0 leaves it out.
        restarts: Runs of the whole ensemble.
        drop_fooled: See `GradientAttack`, as for the options after it.

    Source:
        Croce & Hein, "Reliable Evaluation of Adversarial Robustness with an Ensemble of Diverse Parameter-free Attacks",
        ICML 2020, section 5 and table 2; the "standard" version.
    """

    eps: float = 8 / 255
    steps: int = 100
    targets: int = 9
    queries: int = 5000
    restarts: int = 1

    random: ClassVar[bool] = True
    version: ClassVar[int] = 2

    @property
    def members(self) -> dict[str, BallAttack]:
        """The attacks by name, in their order."""
        members: dict[str, BallAttack] = {
            "apgd": APGD(self.eps, self.steps),
            "apgd-t": TargetedAPGD(self.eps, self.steps, self.targets),
            "fab": FAB(self.eps, self.steps, self.targets, drop_fooled=self.drop_fooled),
            "square": Square(self.eps, self.queries),
        }
        return {name: member for name, member in members.items() if not member.idle}

    @property
    def idle(self) -> bool:
        """Whether no member has anything to do."""
        return not self.members

    def passes(self) -> int:
        """Those of all members."""
        return self.restarts * sum(member.passes() for member in self.members.values()) + self.clean_passes

    def run(self, batch: AttackedBatch, rows: Tensor, noise: Noise, start: int) -> None:
        """One start of all; see `BallAttack`."""
        for name, member in self.members.items():
            before = batch.fooled.clone()
            member.search(batch, noise)
            for row in (batch.fooled & ~before).nonzero()[:, 0].tolist():
                batch.fooled_by[row] = name
