"""The options that attacks on images share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from robustmel.attacks.goal import TARGETS
from robustmel.attacks.quantities import one_of, yes_or_no

Target = Literal["random", "least_likely", "runner_up"]


@dataclass(frozen=True, kw_only=True)
class AskingAttack:
    """What any attack that asks for scores can be told.

    Args:
        on_failure: What is handed back where nothing fooled: the "input", bit for bit, or the iterate the attack ended with
            ("last", for sets that other linkers are to see).
        spare_wrong: Images whose clean answer is wrong are handed back untouched.

    Raises:
        UsageError: A value is out of its range.
    """

    on_failure: Literal["input", "last"] = "input"
    spare_wrong: bool = False

    modality: ClassVar[Literal["image"]] = "image"
    writes: ClassVar[tuple[str, ...]] = ("image",)

    def __post_init__(self) -> None:
        """Checks the values; a subclass adds its own through `_set`."""
        if self.targeted is not None:
            one_of("targeted", self.targeted, *TARGETS)
        one_of("on_failure", self.on_failure, "input", "last")
        yes_or_no("drop_fooled", self.drop_fooled)
        yes_or_no("spare_wrong", self.spare_wrong)

    @property
    def targeted(self) -> Target | None:
        """Which candidate is to come first; a subclass may make it an option."""
        return None

    @property
    def drop_fooled(self) -> bool:
        """Whether an image leaves the batch at the first iterate that fools; a subclass may make it an option."""
        return False

    @property
    def random(self) -> bool:
        """Whether the attack draws anything; what draws nothing needs no seed."""
        return self.targeted == "random"

    @property
    def clean_passes(self) -> int:
        """Forward passes at the clean image that these options call for."""
        return int(self.targeted is not None or self.spare_wrong)

    def _set(self, **values: Any) -> None:
        """Puts checked values in place of those given ("8/255" becomes a number)."""
        for name, value in values.items():
            object.__setattr__(self, name, value)


@dataclass(frozen=True, kw_only=True)
class GradientAttack(AskingAttack):
    """What any gradient attack can be told.

    Args:
        targeted: None displaces the right candidate; otherwise one wrong candidate is to come first: one drawn by lot, the one
            that scores lowest on the clean image ("least_likely") or highest ("runner_up").
        drop_fooled: An image leaves the batch at the first iterate that fools, judged after rounding to 8 bits. Cheaper, but
            the image is barely over the boundary of this one decision: not for sets that other linkers are to see.
        on_failure: See `AskingAttack`, as for the option after it.

    Raises:
        UsageError: A value is out of its range.
    """

    targeted: Target | None = None
    drop_fooled: bool = False

    needs: ClassVar[Literal["gradients"]] = "gradients"


@dataclass(frozen=True, kw_only=True)
class UntargetedAttack(AskingAttack):
    """What a gradient attack can be told that always displaces the right candidate, whichever wrong one takes its place.

    Args:
        drop_fooled: See `GradientAttack`.
        on_failure: See `AskingAttack`, as for the option after it.

    Raises:
        UsageError: A value is out of its range.
    """

    drop_fooled: bool = False

    needs: ClassVar[Literal["gradients"]] = "gradients"
