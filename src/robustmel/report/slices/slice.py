"""The figures of one group of mentions in one row of the table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from robustmel.report import metrics
from robustmel.report.credit import Floats
from robustmel.report.record import AttackRecord
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring
from robustmel.report.slices.grouping import Grouping, grouping
from robustmel.report.statistics import UNKNOWN, Clusters, contrast, interval


@dataclass(frozen=True, slots=True)
class Slice(AttackRecord):
    """One group of mentions in one row. Shares are in [0, 1]; None where the group is empty or there is no such figure.

    Args:
        by: What mentions were grouped by ("type").
        group: Which group ("country").
        threat_model: What the attack may do.
        budget: How much of it.
        n: Mentions of the group.
        clusters: Groups among them that share an entity or an image.
        errors: Mentions without an answer; they count as wrong.
        accuracy: Share of the n linked correctly.
        ci_low, ci_high: Bounds of its 95 % interval.
        clean_accuracy: Of the same mentions on clean images.
        drop: clean_accuracy - accuracy.
        drop_low, drop_high: Bounds of its 95 % interval.
    """

    by: str
    group: str
    threat_model: str
    budget: str
    n: int
    clusters: int
    errors: int
    accuracy: float | None
    ci_low: float | None
    ci_high: float | None
    clean_accuracy: float | None
    drop: float | None
    drop_low: float | None
    drop_high: float | None


def slices(scoring: Scoring, by: str, rows: Sequence[Row]) -> list[Slice]:
    """Every group of every row of the table, worst cases last; what an attack leaves untouched is left out.

    Raises:
        UsageError: Nothing can be grouped by that.
    """
    groupings: dict[str, Grouping] = {}
    parts: list[Slice] = []
    for row in rows:
        if row.untouched:
            continue
        candidates_key = row.first.candidates
        if candidates_key not in groupings:
            groupings[candidates_key] = grouping(by, scoring.run.questions(row.first), scoring.entities(row.first))
        parts += _slices(row, scoring, groupings[candidates_key])
    return parts


def _slices(row: Row, scoring: Scoring, groups: Grouping) -> Iterator[Slice]:
    credit, cell = scoring.row(row), row.first
    clean = None if cell.clean else scoring.clean(row)
    everyone = scoring.clusters(cell)
    for number, name in enumerate(groups.names):
        chosen = np.flatnonzero(groups.member == number)
        _, cluster = np.unique(everyone[chosen], return_inverse=True)
        yield Slice(
            cell=row.cell,
            white_box=row.white_box,
            by=groups.by.partition(":")[0],
            group=name,
            threat_model=cell.threat_model,
            budget=cell.budget,
            n=len(chosen),
            clusters=len(set(cluster.tolist())),
            errors=int(np.any(credit.failed[:, chosen], axis=0).sum()),
            **_figures(credit.credit[:, chosen], clean.credit[:, chosen] if clean else None, cluster),
        )


def _figures(credit: Floats, before: Floats | None, cluster: Clusters) -> dict[str, float | None]:
    low, high = interval(credit, cluster) or UNKNOWN
    drop = None if before is None else contrast([before], [credit], cluster)
    drop_low, drop_high = (drop.interval() if drop else None) or UNKNOWN
    return {
        "accuracy": _mean(credit),
        "ci_low": low,
        "ci_high": high,
        "clean_accuracy": None if before is None else _mean(before),
        "drop": drop.value if drop else None,
        "drop_low": drop_low,
        "drop_high": drop_high,
    }


def _mean(credit: Floats) -> float | None:
    return metrics.share(float(credit.sum()), credit.size)
