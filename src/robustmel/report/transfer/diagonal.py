"""How far from the diagonal a transfer matrix lies: what images made on another linker leave that the linker's own do not."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from robustmel.report import metrics
from robustmel.report.credit import Credit, Floats
from robustmel.report.record import unattacked
from robustmel.report.rows import Row
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import Contrast, contrast
from robustmel.types import Cell


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


def compare_with_diagonal(rows: Sequence[Row], controls: Sequence[Row], scoring: Scoring) -> DiagonalComparison | None:
    """Compares the diagonal with the rest; None where no victim was shown both.

    Args:
        rows: One attack from several sources, about the same mentions.
        controls: Noise of its size.
        scoring: Of the run.
    """
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
