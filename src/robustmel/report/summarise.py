"""From the rows of a run to one summary a table row."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from robustmel.errors import MissingError
from robustmel.report import metrics
from robustmel.report.credit import Credit
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import UNKNOWN, contrast, interval, paired_test
from robustmel.report.summary import Summary

LogRow = Mapping[str, Any]


def summarise(scoring: Scoring) -> list[Summary]:
    """One summary a row of the table, then the worst cases over attacks.

    Raises:
        MissingError: Answers or mentions are not in the store; the sentence names the cell.
    """
    return [_summary(row, scoring) for row in table_rows(scoring.run.cells)]


def _summary(row: Row, scoring: Scoring) -> Summary:
    first = row.first
    if any(other.candidates != first.candidates for other in row.cells):
        raise MissingError(f"the parts of cell {first.title} were asked different questions; run the grid again.")
    facts, credit = scoring.facts(first), scoring.row(row)
    clusters = facts.clusters
    clean, text = scoring.clean(row), scoring.clean(row, "T2T")
    low, high = interval(credit.credit, clusters) or UNKNOWN
    before = None if first.clean or row.untouched else clean
    drop = contrast([before.credit], [credit.credit], clusters) if before else None
    drop_low, drop_high = (drop.interval() if drop else None) or UNKNOWN
    logs = [[scoring.run.log(cell, part) for cell in cells for part in cell.evaluations] for cells in row.by_seed]
    largest = int(np.bincount(clusters).max()) if len(clusters) else 0
    return Summary(
        cell=row.cell,
        white_box=row.white_box,
        threat_model=first.threat_model,
        budget=first.budget,
        n=len(clusters),
        correct=metrics.correct(credit),
        ties=metrics.ties(credit),
        errors=metrics.errors(credit),
        accuracy=metrics.accuracy(credit),
        ci_low=low,
        ci_high=high,
        accuracy_bound=_bound(credit, logs),
        hits_at_k=metrics.hits_at_k(credit),
        mrr=metrics.mean_reciprocal_rank(credit),
        seeds=tuple(group[0].cell.seed or 0 for group in row.by_seed),
        clean_accuracy=_accuracy_of(clean),
        drop=drop.value if drop else None,
        drop_low=drop_low,
        drop_high=drop_high,
        kept=metrics.kept(credit.credit, before.credit) if before else None,
        attack_success=metrics.attack_success(credit.credit, before.credit) if before else None,
        p_value=paired_test(credit.credit, before.credit, clusters) if before else None,
        equivalence=drop.equivalence() if drop else None,
        text_accuracy=_accuracy_of(text),
        recall=facts.recall,
        ceiling=facts.ceiling,
        clusters=len(set(clusters.tolist())),
        largest_cluster=metrics.share(largest, len(clusters)),
        modality=first.modality,
        evaluations=tuple(dict.fromkeys(evaluation.name for cell in row.cells for evaluation in cell.evaluations)),
        accuracy_image_view=_accuracy_of(scoring.row_against(row, "image")),
        accuracy_fused_view=_accuracy_of(scoring.row_against(row, "fused")),
        members=tuple(cell.attack for cell in row.by_seed[0]) if row.worst_case else (),
        errors_by_kind=metrics.errors_by_kind(credit),
        **effort([line for seed in logs for log in seed for line in log]),
    )


def effort(log: Sequence[LogRow]) -> dict[str, Any]:
    """What the attack itself said over all views and seeds: the fields of `Summary` from `perturbed` to `success_u8`."""
    done = [row for row in log if row["status"] == "ok"]
    return {
        "perturbed": len(done),
        "reduced": sum(bool(row.get("reduced")) for row in done),
        "not_perturbed": _reasons(log),
        "median_linf": _median(row["linf_u8"] for row in done),
        "median_l2": _median(row["l2_u8"] for row in done),
        "median_queries": _median(row["queries"] for row in done),
        "zero_gradient_share": metrics.share(
            sum(row["zero_gradients"] or 0 for row in done), sum(row["iterations"] or 0 for row in done)
        ),
        "success_float": _share_true(row["succeeded"] for row in done),
        "success_u8": _share_true(row["succeeded_u8"] for row in done),
    }


def _bound(credit: Credit, logs: Sequence[Sequence[Sequence[LogRow]]]) -> float | None:
    """The accuracy with mentions counted as broken on which an attack failed, in any of its views; by seed."""
    least = credit.credit.copy()
    for earned, views in zip(least, logs, strict=True):
        for log in filter(None, views):
            earned[[str(row["status"]).startswith("error:") for row in log]] = 0.0
    return metrics.share(float(least.sum()), least.size)


def _reasons(log: Iterable[LogRow]) -> dict[str, int]:
    """Why mentions kept their own image -> mentions, each counted once however many views and seeds say the same."""
    reasons: dict[str, set[str]] = {}
    for row in log:
        state, _, why = str(row["status"]).partition(":")
        if state in ("skipped", "error"):
            reasons.setdefault(why.split(":")[0], set()).add(row["id"])
    return {why: len(ids) for why, ids in sorted(reasons.items())}


def _median(values: Iterable[float | None]) -> float | None:
    known = [float(value) for value in values if value is not None]
    return statistics.median(known) if known else None


def _share_true(values: Iterable[bool | None]) -> float | None:
    known = [value for value in values if value is not None]
    return metrics.share(sum(known), len(known))


def _accuracy_of(credit: Credit | None) -> float | None:
    return metrics.accuracy(credit) if credit else None
