"""From the rows of a run to one summary a table row."""

from __future__ import annotations

from robustmel.errors import MissingError
from robustmel.report import metrics
from robustmel.report.credit import Credit
from robustmel.report.logs import effort
from robustmel.report.results import Run
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import contrast, interval, paired_test
from robustmel.report.summary import Summary


def summarise(run: Run, scoring: Scoring | None = None) -> list[Summary]:
    """One summary a row of the table, then the worst cases over attacks.

    Args:
        run: The run, read back.
        scoring: Of that run, where others read it too.

    Raises:
        MissingError: Answers or mentions are not in the store; the sentence names the cell.
    """
    scoring = scoring or Scoring(run)
    return [_summary(row, scoring) for row in table_rows(run.cells)]


def _summary(row: Row, scoring: Scoring) -> Summary:
    first, run = row.first, scoring.run
    if any(other.candidates != first.candidates for other in row.cells):
        raise MissingError(f"the parts of cell {first.title} were asked different questions; run the grid again.")
    facts = scoring.facts(first)
    credit = scoring.row(row)
    clean, text = scoring.clean(row), scoring.clean(row, "T2T")
    bounds = interval(credit.credit, facts.clusters)
    before = None if first.clean or row.untouched else clean
    fall = contrast([before.credit], [credit.credit], facts.clusters) if before else None
    fall_bounds = fall.interval() if fall else None
    log = effort([line for cell in row.cells for evaluation in cell.evaluations for line in run.log(cell, evaluation)])
    return Summary(
        cell=row.cell,
        white_box=row.white_box,
        threat_model=first.threat_model,
        budget=first.budget,
        n=credit.credit.shape[1],
        correct=metrics.correct(credit),
        ties=metrics.ties(credit),
        errors=metrics.errors(credit),
        accuracy=metrics.accuracy(credit),
        ci_low=bounds.low if bounds else None,
        ci_high=bounds.high if bounds else None,
        hits_at_k=metrics.hits_at_k(credit),
        mrr=metrics.mean_reciprocal_rank(credit),
        seeds=tuple(group[0].cell.seed or 0 for group in row.by_seed),
        clean_accuracy=_accuracy_of(clean),
        drop=fall.value if fall else None,
        drop_low=fall_bounds.low if fall_bounds else None,
        drop_high=fall_bounds.high if fall_bounds else None,
        kept=metrics.kept(credit.credit, before.credit) if before else None,
        attack_success=metrics.attack_success(credit.credit, before.credit) if before else None,
        p_value=paired_test(credit.credit, before.credit, facts.clusters) if before else None,
        equivalence=fall.equivalence() if fall else None,
        text_accuracy=_accuracy_of(text),
        recall=facts.recall,
        ceiling=facts.ceiling,
        clusters=len(set(facts.clusters.tolist())),
        modality=first.modality,
        evaluations=tuple(dict.fromkeys(evaluation.name for cell in row.cells for evaluation in cell.evaluations)),
        accuracy_image_view=_accuracy_of(scoring.row_against(row, "image")),
        accuracy_fused_view=_accuracy_of(scoring.row_against(row, "fused")),
        members=tuple(cell.attack for cell in row.by_seed[0]) if row.worst_case else (),
        errors_by_kind=metrics.errors_by_kind(credit),
        perturbed=log.perturbed,
        not_perturbed=dict(sorted((log.skipped | log.failed).items())),
        median_linf=log.median_linf,
        median_l2=log.median_l2,
        median_queries=log.median_queries,
        zero_gradient_share=log.zero_gradient_share,
        success_float=log.success_float,
        success_u8=log.success_u8,
    )


def _accuracy_of(credit: Credit | None) -> float | None:
    return metrics.accuracy(credit) if credit else None
