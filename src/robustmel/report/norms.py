"""Curves of attacks that seek short changes, from the lengths in their logs and the answers to their images."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.record import KEY, AttackRecord, rounded
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import UNKNOWN, interval

POINTS = 40
"""Norms at which a curve is taken, beside 0: as many quantiles of the lengths of changes that break."""

Norm = Literal["l2", "linf"]

KEPT_SHORT: dict[str, Norm] = {"l2": "l2", "l2-minimal": "l2", "linf-minimal": "linf"}
"""Threat model -> the lengths that an attack of it keeps short; one that keeps a budget is not among them."""


@dataclass(frozen=True)
class Curve(AttackRecord):
    """One attack on one victim.

    Args:
        norm: "l2", Euclidean lengths, or "linf", largest changes of a channel; pixels in [0, 1], images as saved in 8 bits.
        norms: Rising, from 0.
        broken: At each norm, the share of all mentions that are wrong on the clean image or on the perturbed one, if that differs
            from it by no more than the norm.
        low, high: Bounds of 95 % intervals; None where there is none.
    """

    norm: Norm
    norms: tuple[float, ...]
    broken: tuple[float, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]

    def reaches(self, share: float) -> float | None:
        """The least norm that breaks this share of the mentions; None where none does."""
        return next((norm for norm, broken in zip(self.norms, self.broken, strict=True) if broken >= share - 1e-9), None)

    def records(self) -> Iterator[dict[str, Any]]:
        """One JSON object a point."""
        key = {name: getattr(self.cell, name) for name in KEY}
        for norm, broken, low, high in zip(self.norms, self.broken, self.low, self.high, strict=True):
            point = {"norm": self.norm, "at_most": norm, "broken": broken, "ci_low": low, "ci_high": high}
            yield key | {name: rounded(value) for name, value in point.items()}


def curves(scoring: Scoring, rows: Sequence[Row]) -> list[Curve]:
    """One for every row of the table whose attack has no bound and seeks short changes (CW, FMN).

    Source:
        Pintor et al., "Fast Minimum-norm Adversarial Attacks through Adaptive Norm Constraints", NeurIPS 2021, figure 2.
    """
    return [
        _curve(row, norm, scoring)
        for row in rows
        if not row.worst_case and not row.untouched and (norm := KEPT_SHORT.get(row.first.threat_model))
    ]


def _curve(row: Row, norm: Norm, scoring: Scoring) -> Curve:
    clean = scoring.clean(row)
    wrong: list[list[tuple[Floats, Floats]]] = [
        [
            (
                np.array(
                    [row[f"{norm}_u8"] or 0.0 for row in scoring.run.log(cell, part, (f"{norm}_u8",))]
                ),  # 0 where a mention kept its own image
                1 - scoring.evaluation(cell, part).credit[0],
            )
            for part in cell.evaluations
        ]
        for (cell,) in row.by_seed
    ]
    lengths = np.concatenate([length[share > 0] for views in wrong for length, share in views])
    norms = np.unique([0.0, *(np.quantile(lengths, np.linspace(0, 1, POINTS), method="higher") if len(lengths) else ())])
    cluster = scoring.clusters(row.first)
    broken, low, high = [], [], []
    for at_most in norms:
        shares = np.stack([_within(views, float(at_most)) for views in wrong])
        if clean is not None:
            shares = np.maximum(shares, 1 - clean.credit)
        bounds = interval(shares, cluster) or UNKNOWN
        broken.append(float(shares.mean()) if shares.size else 0.0)
        low.append(bounds[0])
        high.append(bounds[1])
    return Curve(row.cell, row.white_box, norm, tuple(norms.tolist()), tuple(broken), tuple(low), tuple(high))


def _within(views: list[tuple[Floats, Floats]], at_most: float) -> Floats:
    """(n,): how far each mention is wrong on the worst of its images that lie within the norm."""
    worst: Floats = np.max([np.where(length <= at_most, share, 0.0) for length, share in views], axis=0)
    return worst
