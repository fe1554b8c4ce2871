"""One comparison of shares of the same mentions, with its interval and what may be said of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from robustmel.report.record import AttackRecord
from robustmel.report.statistics import ALPHA, MARGIN, Verdict, holm
from robustmel.types import Cell


class Figure(NamedTuple):
    """What is compared, and the words for it: see `kinds.toml`."""

    key: str
    heading: str
    more: str
    less: str
    none: str
    undecided: str


@dataclass(frozen=True, slots=True)
class Comparison(AttackRecord):
    """A difference of shares, or a difference of such differences; in units of 1, not of points.

    Its source is "victim" where each of two linkers was attacked on its own scores.

    Args:
        question: "context", "defence", "linker", "names" or "poison".
        figure: Which figure of that question.
        against: What it is compared with: a task, a defence, a linker, made-up names, no poison.
        threat_model: What the attack may do.
        budget: How much of it.
        n: Mentions compared.
        clusters: Groups of them that share an entity or an image.
        value: The difference.
        low, high: Bounds of its 95 % interval, None where there is none.
        p_value: Of "there is no difference", by flipping whole clusters; adjusted over all comparisons of the question.
        margin: Differences within it are called none.
        equivalence: p-value of "the difference is the margin or more, to either side".
        verdict: "more", "less", "none" (within the margin) or "undecided".
        sentence: The same in words.
    """

    question: str
    figure: str
    against: str
    threat_model: str
    budget: str
    n: int
    clusters: int
    value: float
    low: float | None
    high: float | None
    p_value: float | None
    equivalence: float | None
    margin: float = MARGIN
    verdict: Verdict = "undecided"
    sentence: str = field(default="")

    @property
    def subject(self) -> tuple[Cell, str]:
        """What all figures of one line of the table share."""
        return self.cell, self.against

    @property
    def beyond(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)

    @property
    def bracket(self) -> str:
        """The difference and its interval, in brackets."""
        return f"({points(self.value)} points; {_interval(self.low, self.high)})"


def decided(compared: Sequence[tuple[Figure, Comparison]]) -> list[Comparison]:
    """Comparisons with their verdicts, of which any says "more" or "less" by mistake in at most one report of twenty.

    Their p-values are adjusted for the number of comparisons; that two sides are alike is said of each by itself.

    Args:
        compared: With p-values of their own, and the words for them.
    """
    adjusted = holm([1.0 if comparison.p_value is None else comparison.p_value for _, comparison in compared])
    decisions = []
    for (figure, comparison), chance in zip(compared, adjusted, strict=True):
        corrected = replace(comparison, p_value=None if comparison.p_value is None else chance)
        verdict = _verdict(corrected)
        decisions.append(
            replace(corrected, verdict=verdict, sentence=_sentence(figure, replace(corrected, verdict=verdict), len(compared)))
        )
    return decisions


def _verdict(compared: Comparison) -> Verdict:
    if compared.p_value is None or compared.equivalence is None:
        return "undecided"
    if compared.equivalence <= ALPHA:
        return "none"
    if compared.p_value > ALPHA or not compared.beyond:
        return "undecided"
    return "more" if compared.value > 0 else "less"


def _sentence(figure: Figure, compared: Comparison, number: int) -> str:
    low, high = compared.low, compared.high
    if compared.verdict == "none":
        return f"{figure.none} within {100 * compared.margin:.0f} points {compared.bracket}"
    if compared.verdict == "undecided":
        return f"{figure.undecided} is undecided {compared.bracket}" + (
            f", adjusted for {number} comparisons" if compared.beyond else ""
        )
    if compared.verdict == "more":
        return f"{figure.more.format(points(compared.value))} ({_interval(low, high)})"
    turned = (None, None) if low is None or high is None else (-high, -low)
    return f"{figure.less.format(points(-compared.value))} ({_interval(*turned)})"


def _interval(low: float | None, high: float | None) -> str:
    if low is None or high is None:
        return "no interval: one group of mentions"
    return f"95 % interval {points(low)} to {points(high)}"


def points(value: float) -> str:
    """A share as percentage points, with a minus sign that is one."""
    rounded = f"{100 * value:.1f}"
    return "0.0" if rounded == "-0.0" else rounded.replace("-", "−")
