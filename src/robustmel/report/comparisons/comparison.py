"""One comparison of shares of the same mentions, with its interval and what may be said of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from robustmel.report.credit import Floats
from robustmel.report.record import AttackRecord
from robustmel.report.rows import Row
from robustmel.report.statistics import MARGIN, Clusters, Verdict, contrast
from robustmel.types import Cell


class Figure(NamedTuple):
    """What is compared, and where it is shown.

    Args:
        key: Short, for programs ("saved").
        heading: Of its column.
        more: What is said where the value lies above 0; "{}" takes the number of points.
        less: Where it lies below.
        none: Where it lies within the margin.
        undecided: What is undecided.
    """

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
        question: "context", "defence" or "linker".
        figure: Which figure of that question.
        against: What it is compared with: a task, a defence, a linker.
        threat_model: What the attack may do.
        budget: How much of it.
        n: Mentions compared.
        clusters: Groups of them that share an entity or an image.
        value: The difference.
        low: Lower bound of its 95 % interval, None where there is none.
        high: Upper bound.
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
    margin: float
    equivalence: float | None
    verdict: Verdict
    sentence: str

    @property
    def subject(self) -> tuple[Cell, str]:
        """What all figures of one line of the table share."""
        return self.cell, self.against


@dataclass(frozen=True)
class Subject:
    """What a comparison is about, before it is made.

    Args:
        question: See `Comparison`.
        cell: What it is known by.
        row: The attacked (or clean) row whose victim it is about.
        against: What it is compared with.
        clusters: (n,) which mentions belong together.
    """

    question: str
    cell: Cell
    row: Row
    against: str
    clusters: Clusters

    def compare(
        self, figure: Figure, plus: list[Floats], minus: list[Floats], among: NDArray[np.bool_] | None = None
    ) -> Comparison | None:
        """The sum of the shares in `plus` less that in `minus`; None without mentions.

        Args:
            figure: What it is.
            plus: (S, n) credit each.
            minus: Likewise.
            among: (n,): over these mentions alone; None for all.
        """
        chosen = np.arange(len(self.clusters)) if among is None else np.flatnonzero(among)
        _, cluster = np.unique(self.clusters[chosen], return_inverse=True)
        found = contrast([one[:, chosen] for one in plus], [one[:, chosen] for one in minus], cluster)
        if found is None:
            return None
        bounds, verdict = found.interval(), found.verdict()
        return Comparison(
            cell=self.cell,
            white_box=self.row.white_box,
            question=self.question,
            figure=figure.key,
            against=self.against,
            threat_model=self.row.first.threat_model,
            budget=self.row.first.budget,
            n=len(chosen),
            clusters=int(cluster.max()) + 1,
            value=found.value,
            low=bounds.low if bounds else None,
            high=bounds.high if bounds else None,
            margin=MARGIN,
            equivalence=found.equivalence(),
            verdict=verdict,
            sentence=_sentence(figure, found.value, bounds, verdict),
        )


def _sentence(figure: Figure, value: float, bounds: tuple[float, float] | None, verdict: Verdict) -> str:
    if verdict == "none":
        return f"{figure.none} within {100 * MARGIN:.0f} points {bracket(value, bounds)}"
    if verdict == "undecided":
        return f"{figure.undecided} is undecided {bracket(value, bounds)}"
    if verdict == "more":
        return f"{figure.more.format(points(value))} {bracket(None, bounds)}"
    turned = None if bounds is None else (-bounds[1], -bounds[0])
    return f"{figure.less.format(points(-value))} {bracket(None, turned)}"


def bracket(value: float | None, bounds: tuple[float, float] | None) -> str:
    """A difference, unless it has been said, and its interval."""
    interval = f"95 % interval {points(bounds[0])} to {points(bounds[1])}" if bounds else "no interval: one group of mentions"
    return f"({interval})" if value is None else f"({points(value)} points; {interval})"


def points(value: float) -> str:
    """A share as percentage points, with a minus sign that is one."""
    shown = f"{100 * value:.1f}"
    return "0.0" if shown == "-0.0" else shown.replace("-", "−")
