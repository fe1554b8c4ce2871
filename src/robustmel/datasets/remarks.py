"""What a loader's remarks and the findings of a check mean, and what to do about each."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from robustmel.errors import printable

EXAMPLES = 3


@cache
def meanings() -> dict[str, list[str]]:
    """Reason -> what is the case (after a count), and the way out."""
    return tomllib.loads(files("robustmel.datasets").joinpath("remarks.toml").read_text("utf-8"))


@dataclass(frozen=True)
class Finding:
    """One kind of remark."""

    reason: str
    count: int
    examples: tuple[str, ...] = ()
    detail: str = ""

    def __str__(self) -> str:
        meaning, way_out = meanings().get(self.reason, [self.reason.replace("_", " "), ""])
        detail = f" ({self.detail})" if self.detail else ""
        first = "; ".join(printable(example) for example in self.examples[:EXAMPLES])
        return f"{self.reason} ({self.count:,}): {meaning}{detail}{f'; first: {first}' if first else ''}. {way_out}".rstrip()


def finding(reason: str, examples: Iterable[str], detail: str = "") -> Finding:
    """A finding counted from all its examples."""
    listed = list(examples)
    return Finding(reason, len(listed), tuple(listed[:EXAMPLES]), detail)
