"""From the rows of a run to one summary a table row."""

from __future__ import annotations

from robustmel.errors import MissingError
from robustmel.report import metrics
from robustmel.report.credit import Earned
from robustmel.report.logs import effort
from robustmel.report.results import Run
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import contrast, interval, paired_test
from robustmel.report.summary import Summary


def summarise(run: Run, scoring: Scoring | None = None) -> list[Summary]:
    """One summary a (data set, task, linker, source, defence, attack), then the worst cases over attacks.

    Args:
        run: The run, read back.
        scoring: Of that run, where others read it too.

    Raises:
        MissingError: Rows or questions are not in the store; the sentence names the cell.
    """
    scoring = scoring or Scoring(run)
    return [_summary(row, scoring) for row in table_rows(run.cells)]


def _summary(row: Row, scoring: Scoring) -> Summary:
    cell, run = row.first, scoring.run
    if any(other.candidates != cell.candidates for other in row.cells):
        raise MissingError(f"the parts of cell {cell.title} were asked different questions; run the grid again.")
    facts = scoring.facts(cell)
    found = scoring.row(row)
    assert found is not None
    clean, text = scoring.clean(row), scoring.clean(row, "T2T")
    bounds = interval(found.credit, facts.clusters)
    attacked = clean if not cell.clean else None
    fall = contrast([attacked.credit], [found.credit], facts.clusters) if attacked else None
    fall_bounds = fall.interval() if fall else None
    accuracy = metrics.accuracy(found)
    clean_accuracy = metrics.accuracy(clean) if clean else None
    log = effort([line for one in row.cells for view in one.views for line in run.log(one, view)])
    return Summary(
        dataset=cell.dataset,
        task=cell.task,
        linker=cell.linker,
        source=cell.source,
        defence=cell.defence,
        attack=row.attack,
        threat_model=cell.threat_model,
        budget=cell.budget,
        n=found.credit.shape[1],
        correct=metrics.correct(found),
        ties=metrics.ties(found),
        errors=metrics.errors(found),
        accuracy=accuracy,
        ci_low=bounds.low if bounds else None,
        ci_high=bounds.high if bounds else None,
        hits_at_k=metrics.hits_at_k(found),
        mrr=metrics.mean_reciprocal_rank(found),
        seeds=tuple(group[0].seed for group in row.by_seed),
        clean_accuracy=clean_accuracy,
        drop=fall.value if fall else None,
        drop_low=fall_bounds.low if fall_bounds else None,
        drop_high=fall_bounds.high if fall_bounds else None,
        kept=metrics.kept(found.credit, attacked.credit) if attacked else None,
        attack_success=metrics.attack_success(found.credit, attacked.credit) if attacked else None,
        p_value=paired_test(found.credit, attacked.credit, facts.clusters) if attacked else None,
        equivalence=fall.equivalence() if fall else None,
        text_accuracy=metrics.accuracy(text) if text else None,
        recall=facts.recall,
        ceiling=facts.ceiling,
        clusters=len(set(facts.clusters.tolist())),
        views=tuple(dict.fromkeys(view.name for one in row.cells for view in one.views)),
        accuracy_image_view=_accuracy_of(scoring.row(row, "image")),
        accuracy_fused_view=_accuracy_of(scoring.row(row, "fused")),
        members=tuple(one.attack for one in row.by_seed[0]) if len(row.by_seed[0]) > 1 else (),
        errors_by_kind=metrics.errors_by_kind(found),
        perturbed=log.perturbed,
        not_perturbed=dict(sorted((log.skipped | log.failed).items())),
        median_linf=log.median_linf,
        median_l2=log.median_l2,
        median_queries=log.median_queries,
        zero_gradient_share=log.zero_gradient_share,
        success_float=log.success_float,
        success_u8=log.success_u8,
    )


def _accuracy_of(found: Earned | None) -> float | None:
    return metrics.accuracy(found) if found else None
