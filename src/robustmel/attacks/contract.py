"""What an image attack is given and must offer. It knows nothing about data sets or linkers beyond the scores it is given."""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol

from torch import Tensor

from robustmel.types import Perturbation


class Objective(Protocol):
    """The scores of a batch as a function of its pixels."""

    def __call__(self, pixels: Tensor, rows: Tensor | None = None) -> Tensor:
        """float32 (b, C) scores; absent candidates hold minus infinity.

        Args:
            pixels: float32 (b, 3, H, W) in [0, 1].
            rows: int64 (b,): which images of the batch these are (an attack may drop some); None means all, in order.
        """
        ...


class Noise(Protocol):
    """Randomness with one generator per image, so that no image's result depends on its neighbours."""

    def uniform(self, rows: Tensor | None = None) -> Tensor:
        """float32 (b, 3, H, W), uniform in [-1, 1)."""
        ...

    def normal(self, rows: Tensor | None = None) -> Tensor:
        """float32 (b, 3, H, W), standard normal."""
        ...

    def integers(self, high: Tensor, rows: Tensor | None = None) -> Tensor:
        """int64 (b,), uniform in [0, high[i])."""
        ...


class ImageAttack(Protocol):
    """A component of `ATTACKS` with `modality = "image"`: a frozen dataclass whose fields are its parameters."""

    modality: ClassVar[Literal["image"]]
    overlay: ClassVar[Literal["mentions"]]
    needs: ClassVar[Literal["gradients", "scores", "nothing"]]
    version: ClassVar[int]

    @property
    def threat_model(self) -> str:
        """What the attack may do ("linf"); worst cases are over attacks of one threat model. Mostly a class variable."""
        ...

    @property
    def random(self) -> bool:
        """Whether it draws from `noise` with these parameters; what draws nothing is made once for all seeds."""
        ...

    @property
    def budget(self) -> str:
        """The budget as tables print it: "8/255", "c=20"."""
        ...

    def passes(self) -> int:
        """Forward-and-backward passes an image costs at most; for the time estimate of `plan`."""
        ...

    def perturb(self, pixels: Tensor, objective: Objective, gold: Tensor, noise: Noise) -> Perturbation:
        """Perturbs a batch.

        Args:
            pixels: float32 (B, 3, H, W) in [0, 1].
            objective: The scores; differentiable where `needs` says gradients.
            gold: int64 (B,), the column of the right candidate.
            noise: The batch's randomness.
        """
        ...
