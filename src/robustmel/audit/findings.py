"""What can be wrong with a set, and how it is said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from robustmel.errors import printable

NAMED = 3
"""Images named in a sentence."""

WORDS: Mapping[str, str] = {
    "unreadable": "that cannot be read",
    "no_clean": "without a clean one beside them, so nothing is known of the change",
    "altered": "other than the files that the set's own checksums name",
    "missing": "named by the set and not there",
    "resized": "of another resolution than the clean one, so that a budget is kept by pixels that nobody has",
    "over": "further from the clean one than the set claims",
    "rounding": "over the budget by one 8-bit level at most, as cutting off in place of rounding does",
    "jpeg": "stored as JPEG after the attack, which undoes part of it and adds changes of its own",
    "outside": "with values outside the pixel range",
    "unchanged": "equal to the clean one, though nothing says that the attack failed there",
    "copy": "equal to the clean one of another entry",
    "repeat": "equal to an earlier one of the set, though their clean ones differ",
    "source": "made on another source than the set names",
}
"""Kind -> what is said of so many images, in the order in which it is said."""


@dataclass(frozen=True)
class Finding:
    """Something wrong.

    Args:
        kind: A key of `WORDS`.
        images: The names concerned.
        detail: More of it, "" where the words are enough.
    """

    kind: str
    images: tuple[str, ...]
    detail: str = ""

    def __str__(self) -> str:
        first = ", ".join(printable(name, 60) for name in self.images[:NAMED]) + (", ..." if len(self.images) > NAMED else "")
        detail = f" ({printable(self.detail, 200)})" if self.detail else ""
        noun = "image" if len(self.images) == 1 else "images"
        return f"{len(self.images):,} {noun} {WORDS[self.kind]}{detail}: {first}."


def in_order(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """The gravest first."""
    order = list(WORDS)
    return tuple(sorted(findings, key=lambda finding: order.index(finding.kind)))
