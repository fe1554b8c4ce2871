"""PGD that makes a linker sure of a wrong answer, so that no defence is called."""

from dataclasses import dataclass
from typing import ClassVar

from robustmel.attacks.image.pgd import PGD


@dataclass(frozen=True)
class GatePGD(PGD):
    """PGD that makes the linker sure of a wrong answer, so that a gated defence is not called (Tramer et al., 2020).

    It ascends the lead of the best wrong candidate over all others, the other wrong ones too. Point it at the undefended linker, whose
    margin opens and closes the gate: `source = {linker = "victim", defence = "none"}`.

    Args:
        eps: See `PGD`, as for the options after it.

    Source:
        Tramer et al., "On Adaptive Attacks to Adversarial Example Defenses", NeurIPS 2020, section 3 (attack what the defence decides by);
        the loss is Carlini & Wagner's f6 (2017) of the best wrong candidate as the target.
    """

    loss: ClassVar[str] = "lead"
    version: ClassVar[int] = 1
