"""From the rows of a run to one summary a table row."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from robustmel.errors import MissingError
from robustmel.report import metrics
from robustmel.report.credit import Earned, over_seeds
from robustmel.report.logs import effort
from robustmel.report.results import Cell, Run
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import interval, paired_test
from robustmel.report.summary import Summary
from robustmel.report.worst import ensembles, worst, worst_title


@dataclass(frozen=True)
class _Row:
    """Cells that make one table row: the seeds of one cell, or a worst case (then several cells a seed).

    Args:
        by_seed: One group of cells a seed; a mention must withstand all of a group.
        attack: What the row is called.
    """

    by_seed: tuple[tuple[Cell, ...], ...]
    attack: str

    @property
    def cells(self) -> tuple[Cell, ...]:
        return tuple(cell for group in self.by_seed for cell in group)

    @property
    def first(self) -> Cell:
        return self.by_seed[0][0]


def summarise(run: Run, scoring: Scoring | None = None) -> list[Summary]:
    """One summary a (data set, task, linker, source, defence, attack), then the worst cases over attacks.

    Args:
        run: The run, read back.
        scoring: Of that run, where others read it too.

    Raises:
        MissingError: Rows or questions are not in the store; the sentence names the cell.
    """
    scoring = scoring or Scoring(run)
    plain: defaultdict[tuple[str, ...], list[Cell]] = defaultdict(list)
    for cell in run.cells:
        plain[cell.dataset, cell.task, cell.linker, cell.source, cell.defence, cell.attack].append(cell)
    rows = [_Row(tuple((cell,) for cell in group), group[0].attack) for group in plain.values()]
    together: defaultdict[tuple[str, ...], list[tuple[Cell, ...]]] = defaultdict(list)
    for group in ensembles(run.cells):
        one = group[0]
        key = (one.dataset, one.task, one.linker, one.source, one.defence, one.threat_model, one.budget)
        together[key].append(group)
    rows += [_Row(tuple(groups), worst_title(*key[-2:])) for key, groups in together.items()]
    return [_summary(row, scoring) for row in rows]


def _summary(row: _Row, scoring: Scoring) -> Summary:
    cell, run = row.first, scoring.run
    if any(other.candidates != cell.candidates for other in row.cells):
        raise MissingError(f"the parts of cell {cell.title} were asked different questions; run the grid again.")
    facts = scoring.facts(cell)
    found = over_seeds([worst([scoring.cell(one) for one in group]) for group in row.by_seed])
    peers = [one for one in run.cells if one.clean and (one.dataset, one.linker, one.defence) == _victim(cell)]
    clean = _clean(row, [one for one in peers if one.task == cell.task], scoring)
    text = [scoring.cell(one) for one in peers if one.task == "T2T"]
    bounds = interval(found.credit, facts.clusters)
    accuracy = metrics.accuracy(found)
    clean_accuracy = metrics.accuracy(clean) if clean else None
    attacked = clean is not None and not cell.clean
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
        drop=clean_accuracy - accuracy if attacked and clean_accuracy is not None and accuracy is not None else None,
        kept=metrics.kept(found.credit, clean.credit) if attacked and clean else None,
        attack_success=metrics.attack_success(found.credit, clean.credit) if attacked and clean else None,
        p_value=paired_test(found.credit, clean.credit, facts.clusters) if attacked and clean else None,
        text_accuracy=metrics.accuracy(over_seeds(text)) if text else None,
        recall=facts.recall,
        ceiling=facts.ceiling,
        clusters=len(set(facts.clusters.tolist())),
        views=tuple(dict.fromkeys(view.name for one in row.cells for view in one.views)),
        accuracy_image_view=_view_accuracy("image", row, scoring),
        accuracy_fused_view=_view_accuracy("fused", row, scoring),
        members=tuple(one.attack for one in row.by_seed[0]) if len(row.by_seed[0]) > 1 else (),
        errors_by_kind=dict(sorted(Counter(found.failures).items())),
        perturbed=log.perturbed,
        not_perturbed=dict(sorted((log.skipped | log.failed).items())),
        median_linf=log.median_linf,
        median_l2=log.median_l2,
        median_queries=log.median_queries,
        zero_gradient_share=log.zero_gradient_share,
        success_float=log.success_float,
        success_u8=log.success_u8,
    )


def _victim(cell: Cell) -> tuple[str, str, str]:
    return cell.dataset, cell.linker, cell.defence


def _clean(row: _Row, peers: Sequence[Cell], scoring: Scoring) -> Earned | None:
    """What the same linker earned on clean images, seed by seed as in the row; None where the grid has no such cell."""
    if not peers:
        return None
    by_seed = {one.seed: one for one in peers}
    return over_seeds([scoring.cell(by_seed.get(group[0].seed, peers[0])) for group in row.by_seed])


def _view_accuracy(name: str, row: _Row, scoring: Scoring) -> float | None:
    """Accuracy against one kind of perturbed image alone; None where no cell of the row has it."""
    groups = [[(one, view) for one in group for view in one.views if view.name == name] for group in row.by_seed]
    if not all(groups):
        return None
    return metrics.accuracy(over_seeds([worst([scoring.view(*pair) for pair in group]) for group in groups]))
