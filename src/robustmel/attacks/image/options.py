"""The options that attacks on images share, and the checks of every attack's parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Literal

from robustmel.attacks.image.goal import TARGETS
from robustmel.attacks.quantities import number, one_of, whole, yes_or_no

Target = Literal["random", "least_likely", "runner_up"]

CHECKS: Mapping[type, Callable[[str, Any], Any]] = {bool: yes_or_no, int: whole, float: number}
"""What a parameter must be, by the type of its default."""


@dataclass(frozen=True, kw_only=True)
class QueryAttack:
    """What any attack that queries a linker can be told.

    Args:
        on_failure: What is handed back where nothing fooled: the "input", bit for bit, or the iterate the attack ended with
            ("last", for sets that other linkers are to see).
        skip_misclassified: Images whose clean answer is wrong are handed back untouched.

    Raises:
        UsageError: A value is out of its range, of these or of a subclass's parameters.
    """

    on_failure: Literal["input", "last"] = "input"
    skip_misclassified: bool = False

    modality: ClassVar[Literal["image"]] = "image"
    writes: ClassVar[tuple[str, ...]] = ("image",)

    def __post_init__(self) -> None:
        """Checks the values: numbers are not below 0, and whole where their default is; a subclass narrows that by `_check`."""
        one_of("on_failure", self.on_failure, "input", "last")
        if self.targeted is not None:
            one_of("targeted", self.targeted, *TARGETS)
        self._check(**{field.name: CHECKS[type(field.default)] for field in fields(self) if type(field.default) in CHECKS})

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
        return int(self.targeted is not None or self.skip_misclassified)

    def _check(self, **checks: Callable[[str, Any], Any]) -> None:
        """Puts checked values in place of those given ("8/255" becomes a number).

        Args:
            checks: Parameter -> a function of its name and value that returns the value, or raises a UsageError.
        """
        for name, check in checks.items():
            object.__setattr__(self, name, check(name, getattr(self, name)))


@dataclass(frozen=True, kw_only=True)
class GradientAttack(QueryAttack):
    """What any gradient attack can be told.

    Args:
        drop_fooled: An image leaves the batch at the first iterate that fools, judged after rounding to 8 bits. Cheaper, but
            the image is barely over the boundary of this one decision: not for sets that other linkers are to see.
        on_failure: See `QueryAttack`, as for the option after it.
    """

    drop_fooled: bool = False

    needs: ClassVar[Literal["gradients"]] = "gradients"


@dataclass(frozen=True, kw_only=True)
class TargetableAttack(GradientAttack):
    """What a gradient attack can be told that may put a candidate of its choice first.

    Args:
        targeted: None displaces the right candidate; otherwise one wrong candidate is to come first: one drawn by lot, the one
            that scores lowest on the clean image ("least_likely") or highest ("runner_up").
        drop_fooled: See `GradientAttack`, as for the options after it.
    """

    targeted: Target | None = None
