"""Transfer: rows of a run as matrices, one a data set, task and attack; a row a source, a column a victim."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from robustmel.report import metrics
from robustmel.report.credit import Credit, Floats
from robustmel.report.record import AttackRecord, unattacked
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import UNKNOWN, Clusters, Contrast, Interval, contrast, interval
from robustmel.types import Cell

Place = tuple[str, Cell]
"""A source by its title, and the clean cell of a victim."""


@dataclass(frozen=True, slots=True)
class TransferCell(AttackRecord):
    """One perturbed set shown to one victim. Shares are in [0, 1]; None where there is no such figure.

    The source of a control is its name.

    Args:
        budget: What the attack may do.
        control: Whether this is noise of the attack's size, made on nobody.
        n: Mentions, all of them.
        attack_success: Of the mentions right beyond a tie when clean, the share that became wrong.
        success_low, success_high: Bounds of its 95 % interval, over those mentions.
        accuracy: Share of the n still linked.
        ci_low, ci_high: Bounds of its 95 % interval.
        clean_accuracy: Of the same victim on clean images.
    """

    budget: str
    control: bool
    n: int
    attack_success: float | None
    success_low: float | None
    success_high: float | None
    accuracy: float | None
    ci_low: float | None
    ci_high: float | None
    clean_accuracy: float | None


@dataclass(frozen=True)
class DiagonalComparison:
    """Mean accuracies over victims and their sources, in [0, 1].

    Args:
        victims: Linkers that were shown images made on themselves and on others; all means are over these.
        pairs: Pairs of such a victim with another single linker as source.
        clean: On clean images; None where the grid has none.
        white_box: On images made on the linker itself.
        foreign: On images made on another single linker.
        gap: foreign - white_box, of the same mentions; None without mentions.
        ensembles: Source -> accuracy, for ensembles shown to all these victims.
        control: Under noise of that size, where all were shown it.
    """

    victims: int
    pairs: int
    clean: float | None
    white_box: float
    foreign: float
    gap: Contrast | None
    ensembles: Mapping[str, float]
    control: float | None

    @property
    def carried(self) -> float | None:
        """Share of what the white box breaks that images made on another linker break too; None where it breaks nothing."""
        if self.clean is None or self.clean - self.white_box < 1e-9:
            return None
        return (self.clean - self.foreign) / (self.clean - self.white_box)


@dataclass(frozen=True)
class Matrix:
    """One attack from several sources.

    Args:
        dataset: Title of the data set.
        task: "I2T", "IT2T" or "T2T".
        attack: As the table calls it.
        budget: What it may do.
        evaluations: Whose score was attacked: "image", "fused", or both in turn.
        sources: Linkers first, then ensembles, then controls.
        victims: Their clean cells, in the order of the grid.
        cells: By (source, victim); a pair that the grid has not is absent.
        diagonal: What lies between the diagonal and the rest; None where there is no diagonal or no rest.
    """

    dataset: str
    task: str
    attack: str
    budget: str
    evaluations: tuple[str, ...]
    sources: tuple[str, ...]
    victims: tuple[Cell, ...]
    cells: Mapping[Place, TransferCell]
    diagonal: DiagonalComparison | None


def matrices(scoring: Scoring, rows: Sequence[Row]) -> list[Matrix]:
    """Every attack of a run that has two sources or more, one of them shown to another linker; noise of its size as last row."""
    groups: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    noise: defaultdict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        cell = row.cell
        if row.untouched or row.worst_case:
            continue
        if row.first.threat_model == "noise":
            noise[cell.dataset, cell.task, cell.poison, row.first.budget].append(row)
        elif cell.source != "none" and not row.first.clean:
            groups[cell.dataset, cell.task, cell.poison, cell.attack].append(row)
    with_several_sources = []
    for key, group in groups.items():
        foreign = any(row.cell.source_linker != row.cell.linker for row in group)
        if foreign and len({row.cell.source for row in group}) > 1:
            first = group[0].first
            controls = noise[*key[:3], first.budget] if first.threat_model == "linf" else []
            with_several_sources.append(_matrix(group, controls, scoring))
    return with_several_sources


def _matrix(rows: list[Row], controls: list[Row], scoring: Scoring) -> Matrix:
    first = rows[0].first
    linkers = {row.cell.linker for row in rows}
    sources = {row.cell.source: row.cell.source_linker in linkers for row in rows}
    return Matrix(
        dataset=first.dataset,
        task=first.task,
        attack=first.attack,
        budget=first.budget,
        evaluations=tuple(evaluation.name for evaluation in first.evaluations),
        sources=(
            *sorted(sources, key=lambda source: not sources[source]),
            *dict.fromkeys(row.cell.attack for row in controls),
        ),
        victims=tuple(dict.fromkeys(unattacked(row.cell) for row in rows)),
        cells={_place(row): _cell(row, first.attack, scoring) for row in (*rows, *controls)},
        diagonal=compare_with_diagonal(rows, controls, scoring),
    )


def _place(row: Row) -> Place:
    return (row.cell.attack if row.cell.source == "none" else row.cell.source), unattacked(row.cell)


def _cell(row: Row, attack: str, scoring: Scoring) -> TransferCell:
    credit, clean = scoring.row(row), scoring.clean(row)
    everyone = scoring.clusters(row.first)
    low, high = interval(credit.credit, everyone) or UNKNOWN
    success_low, success_high = (_success_interval(credit.credit, clean.credit, everyone) if clean else None) or UNKNOWN
    return TransferCell(
        cell=replace(row.cell, attack=attack, source=_place(row)[0]),
        budget=row.first.budget,
        white_box=row.white_box,
        control=row.cell.source == "none",
        n=credit.credit.shape[1],
        attack_success=metrics.attack_success(credit.credit, clean.credit) if clean else None,
        success_low=success_low,
        success_high=success_high,
        accuracy=metrics.accuracy(credit),
        ci_low=low,
        ci_high=high,
        clean_accuracy=metrics.accuracy(clean) if clean else None,
    )


def _success_interval(attacked: Floats, clean: Floats, everyone: Clusters) -> Interval | None:
    """Over the mentions that are right under every seed; who they are is taken as given."""
    right = np.flatnonzero(np.all(clean == 1.0, axis=0))
    _, cluster = np.unique(everyone[right], return_inverse=True)
    return interval(1 - attacked[:, right], cluster)


def compare_with_diagonal(rows: Sequence[Row], controls: Sequence[Row], scoring: Scoring) -> DiagonalComparison | None:
    """Compares the diagonal with the rest; None where no victim was shown both."""
    linkers = {row.cell.linker for row in rows}
    own = {unattacked(row.cell): row for row in rows if row.white_box}
    foreign = [row for row in rows if row.cell.source_linker in linkers - {row.cell.linker} and unattacked(row.cell) in own]
    victims = {unattacked(row.cell): row for row in foreign}
    if not foreign or len(scoring.clusters(foreign[0].first)) == 0:
        return None
    # a victim counts as often as it has foreign sources
    diagonal = _mean([scoring.row(own[unattacked(row.cell)]) for row in foreign])
    others = _mean([scoring.row(row) for row in foreign])
    ensembles = dict.fromkeys(row.cell.source for row in rows if row.cell.source_linker not in linkers)
    means = {title: _over([row for row in rows if row.cell.source == title], victims, scoring) for title in ensembles}
    clean = [metrics.accuracy(credit) or 0.0 for row in victims.values() if (credit := scoring.clean(row))]
    return DiagonalComparison(
        victims=len(victims),
        pairs=len(foreign),
        clean=float(np.mean(clean)) if len(clean) == len(victims) else None,
        white_box=float(diagonal.mean()),
        foreign=float(others.mean()),
        gap=contrast([others], [diagonal], scoring.clusters(foreign[0].first)),
        ensembles={title: mean for title, mean in means.items() if mean is not None},
        control=_over(controls, victims, scoring),
    )


def _mean(parts: Sequence[Credit]) -> Floats:
    """(S, n), or (1, n) where the numbers of seeds differ."""
    credit = [part.credit for part in parts]
    if len({len(part) for part in credit}) > 1:
        credit = [part.mean(axis=0, keepdims=True) for part in credit]
    mean: Floats = np.mean(credit, axis=0)
    return mean


def _over(rows: Sequence[Row], victims: Collection[Cell], scoring: Scoring) -> float | None:
    """Mean accuracy over victims; None where one of them is missing."""
    left = {unattacked(row.cell): metrics.accuracy(scoring.row(row)) or 0.0 for row in rows}
    return float(np.mean([left[victim] for victim in victims])) if left.keys() >= set(victims) else None
