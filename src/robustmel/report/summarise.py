"""From the rows of a run to one summary a table row."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from robustmel.errors import MissingError
from robustmel.report import metrics
from robustmel.report.credit import Credit, Floats
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
        raise MissingError(f"the parts of cell {first.cell.title} were asked different questions; run the grid again.")
    credit, clusters = scoring.row(row), scoring.clusters(first)
    clean, text = scoring.clean(row), scoring.clean(row, "T2T")
    low, high = interval(credit.credit, clusters) or UNKNOWN
    before = None if first.clean or row.untouched else clean
    drop = contrast([before.credit], [credit.credit], clusters) if before else None
    drop_low, drop_high = (drop.interval() if drop else None) or UNKNOWN
    bound = credit.credit.copy()
    efforts = effort(_logged(row, scoring, bound))
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
        recall=scoring.of_questions(metrics.recall, first),
        ceiling=scoring.of_questions(metrics.ceiling, first),
        clusters=len(set(clusters.tolist())),
        largest_cluster=metrics.share(largest, len(clusters)),
        modality=first.modality,
        evaluations=tuple(dict.fromkeys(evaluation.name for cell in row.cells for evaluation in cell.evaluations)),
        accuracy_image_view=_accuracy_of(scoring.row_against(row, "image")),
        accuracy_fused_view=_accuracy_of(scoring.row_against(row, "fused")),
        members=tuple(cell.attack for cell in row.by_seed[0]) if row.worst_case else (),
        errors_by_kind=metrics.errors_by_kind(credit),
        accuracy_bound=metrics.share(float(bound.sum()), bound.size),
        **efforts,
    )


def _logged(row: Row, scoring: Scoring, bound: Floats) -> Iterator[LogRow]:
    """The lines of all logs; in `bound`, (S, n), mentions on which an attack failed in any of its views earn nothing."""
    for earned, cells in zip(bound, row.by_seed, strict=True):
        for cell in cells:
            for evaluation in cell.evaluations:
                for place, line in enumerate(scoring.run.log(cell, evaluation)):
                    if str(line["status"]).startswith("error:"):
                        earned[place] = 0.0
                    yield line


def effort(log: Iterable[LogRow]) -> dict[str, Any]:
    """What the attack itself said over all views and seeds: the fields of `Summary` from `perturbed` on."""
    perturbed = 0
    sums: Counter[str] = Counter()
    known: defaultdict[str, list[float]] = defaultdict(list)
    reasons: dict[str, set[str]] = {}
    for line in log:
        state, _, why = str(line["status"]).partition(":")
        if state in ("skipped", "error"):
            reasons.setdefault(why.split(":")[0], set()).add(line["id"])
        if state != "ok":
            continue
        perturbed += 1
        sums.update({name: int(line.get(name) or 0) for name in ("reduced", "iterations", "zero_gradients")})
        for name in ("linf_u8", "l2_u8", "queries", "succeeded", "succeeded_u8"):
            if line[name] is not None:
                known[name].append(float(line[name]))
    middle = {name: statistics.median(values) for name, values in known.items()}
    return {
        "perturbed": perturbed,
        "reduced": sums["reduced"],
        "not_perturbed": {why: len(ids) for why, ids in sorted(reasons.items())},
        "median_linf": middle.get("linf_u8"),
        "median_l2": middle.get("l2_u8"),
        "median_queries": middle.get("queries"),
        "zero_gradient_share": metrics.share(sums["zero_gradients"], sums["iterations"]),
        "success_float": metrics.share(sum(known["succeeded"]), len(known["succeeded"])),
        "success_u8": metrics.share(sum(known["succeeded_u8"]), len(known["succeeded_u8"])),
    }


def _accuracy_of(credit: Credit | None) -> float | None:
    return metrics.accuracy(credit) if credit else None
