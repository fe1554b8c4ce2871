"""The options that attacks on images share, and the checks of every attack's parameters."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar, Literal, get_args, get_type_hints

from robustmel.attacks.quantities import (
    Check,
    above_zero,
    at_least_one,
    below_one,
    between_zero_and_one,
    number,
    one_of,
    pixel_length,
    proportion,
    whole,
    yes_or_no,
)  # fmt: skip

Target = Literal["random", "least_likely", "runner_up"]

BY_TYPE: Mapping[type, Check] = {bool: yes_or_no, int: whole, float: number}
"""What a parameter must be, by the type of its default."""

BY_NAME: Mapping[str, Check] = {
    "eps": pixel_length,
    **dict.fromkeys(("binary_search_steps", "restarts", "targets"), at_least_one),
    **dict.fromkeys(("lr", "initial_const"), above_zero),
    **dict.fromkeys(("p", "rho"), proportion),
    **dict.fromkeys(("beta", "gamma"), between_zero_and_one),
    "alpha_max": below_one,
}
"""What narrows that for parameters that mean the same in every attack."""


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

    ranges: ClassVar[Mapping[str, Check]] = {}
    """What a subclass alone asks of its parameters."""

    def __post_init__(self) -> None:
        """Checks the values, and puts numbers in place of those written ("8/255"); of text, that it is among those annotated."""
        choices = _choices(type(self))
        for name, default in {field.name: field.default for field in fields(self)}.items():
            value = getattr(self, name)
            if name in choices:
                if value is not None or default is not None:
                    one_of(name, value, *choices[name])
            elif check := self.ranges.get(name) or BY_NAME.get(name) or BY_TYPE.get(type(default)):
                object.__setattr__(self, name, check(name, value))

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


def _choices(attack: type) -> dict[str, tuple[str, ...]]:
    """Parameter -> the words it may be; of a class whose annotations are names that only a type checker sees, none."""
    try:
        hints = get_type_hints(attack)
    except NameError:
        return {}
    words = {name: [word for part in (hint, *get_args(hint)) for word in get_args(part)] for name, hint in hints.items()}
    return {name: tuple(choices) for name in words if (choices := [word for word in words[name] if isinstance(word, str)])}


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
