"""Rows of a run as matrices: one a data set, task and attack; a row a source, a column a victim."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from robustmel.report import metrics
from robustmel.report.credit import Earned, Floats
from robustmel.report.rows import Row, table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import Interval, interval
from robustmel.report.summary import rounded
from robustmel.report.transfer.distance import Distance, distance

Victim = tuple[str, str]
"""(linker, defence)."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One perturbed set shown to one victim. Shares are in [0, 1]; None where there is no such figure.

    Args:
        dataset: Name of the data set.
        task: "I2T" or "IT2T".
        attack: As the table calls it.
        budget: What it may do.
        source: Whose scores the attack differentiated; of a control, its name.
        linker: The victim.
        defence: "none", or its name.
        white_box: Whether the victim, undefended, is the source itself. Not for its fused score, if the image's was attacked.
        control: Whether this is noise of the attack's size, made on nobody.
        n: Mentions, all of them.
        attack_success: Of the mentions right beyond a tie when clean, the share that became wrong.
        success_low: Lower bound of its 95 % interval, over those mentions.
        success_high: Upper bound.
        accuracy: Share of the n still linked.
        ci_low: Lower bound of its 95 % interval.
        ci_high: Upper bound.
        clean_accuracy: Of the same victim on clean images.
    """

    dataset: str
    task: str
    attack: str
    budget: str
    source: str
    linker: str
    defence: str
    white_box: bool
    control: bool
    n: int
    attack_success: float | None
    success_low: float | None
    success_high: float | None
    accuracy: float | None
    ci_low: float | None
    ci_high: float | None
    clean_accuracy: float | None

    def to_dict(self) -> dict[str, Any]:
        """A JSON object: the fields in order, figures rounded."""
        return {name: rounded(value) for name, value in asdict(self).items()}


@dataclass(frozen=True)
class Matrix:
    """One attack from several sources.

    Args:
        dataset: Name of the data set.
        task: "I2T" or "IT2T".
        attack: As the table calls it.
        budget: What it may do.
        views: Whose score was attacked: "image", "fused", or both in turn.
        sources: Linkers first, then ensembles, then controls.
        victims: In the order of the grid.
        cells: By (source, victim); a pair that the grid has not is absent.
        distance: What lies between the diagonal and the rest; None where there is no diagonal or no rest.
    """

    dataset: str
    task: str
    attack: str
    budget: str
    views: tuple[str, ...]
    sources: tuple[str, ...]
    victims: tuple[Victim, ...]
    cells: Mapping[tuple[str, Victim], Shown]
    distance: Distance | None


def matrices(scoring: Scoring) -> list[Matrix]:
    """Every attack of a run that has two sources or more, one of them shown to another linker; noise of its size as last row."""
    groups: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    noise: defaultdict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in table_rows(scoring.run.cells):
        cell = row.first
        if row.reads_no_image or len(row.by_seed[0]) > 1:
            continue
        if cell.threat_model == "noise":
            noise[cell.dataset, cell.task, cell.budget].append(row)
        elif cell.source != "none" and not cell.clean:
            groups[cell.dataset, cell.task, row.attack].append(row)
    found = []
    for (dataset, task, _), rows in groups.items():
        foreign = any(one.first.source != one.first.linker for one in rows)
        if foreign and len({one.first.source for one in rows}) > 1:
            controls = noise[dataset, task, rows[0].first.budget] if rows[0].first.threat_model == "linf" else []
            found.append(_matrix(rows, controls, scoring))
    return found


def _matrix(rows: list[Row], controls: list[Row], scoring: Scoring) -> Matrix:
    first = rows[0].first
    linkers = dict.fromkeys(row.first.linker for row in rows)
    sources = dict.fromkeys(row.first.source for row in rows)
    cells = {_place(row): _shown(row, first.attack, scoring) for row in (*rows, *controls)}
    return Matrix(
        dataset=first.dataset,
        task=first.task,
        attack=rows[0].attack,
        budget=first.budget,
        views=tuple(view.name for view in first.views),
        sources=(
            *(one for one in sources if one in linkers),
            *(one for one in sources if one not in linkers),
            *dict.fromkeys(row.attack for row in controls),
        ),
        victims=tuple(dict.fromkeys((row.first.linker, row.first.defence) for row in rows)),
        cells=cells,
        distance=distance(
            _credits(rows, scoring), _credits(controls, scoring), _clean(rows, scoring), scoring.facts(first).clusters
        ),
    )


def _place(row: Row) -> tuple[str, Victim]:
    return (row.attack if row.first.source == "none" else row.first.source), (row.first.linker, row.first.defence)


def _credits(rows: Iterable[Row], scoring: Scoring) -> dict[tuple[str, Victim], Floats]:
    return {_place(row): _earned(row, scoring).credit for row in rows}


def _clean(rows: Iterable[Row], scoring: Scoring) -> dict[Victim, Floats]:
    known = ((_place(row)[1], scoring.clean(row)) for row in rows)
    return {victim: clean.credit for victim, clean in known if clean is not None}


def _earned(row: Row, scoring: Scoring) -> Earned:
    found = scoring.row(row)
    assert found is not None
    return found


def _shown(row: Row, attack: str, scoring: Scoring) -> Shown:
    cell, found, clean = row.first, _earned(row, scoring), scoring.clean(row)
    everyone = scoring.facts(cell).clusters
    bounds = interval(found.credit, everyone)
    success = _success_interval(found.credit, clean.credit, everyone) if clean else None
    source, (linker, defence) = _place(row)
    return Shown(
        dataset=cell.dataset,
        task=cell.task,
        attack=attack,
        budget=cell.budget,
        source=source,
        linker=linker,
        defence=defence,
        white_box=(source, defence) == (linker, "none"),
        control=cell.source == "none",
        n=found.credit.shape[1],
        attack_success=metrics.attack_success(found.credit, clean.credit) if clean else None,
        success_low=success.low if success else None,
        success_high=success.high if success else None,
        accuracy=metrics.accuracy(found),
        ci_low=bounds.low if bounds else None,
        ci_high=bounds.high if bounds else None,
        clean_accuracy=metrics.accuracy(clean) if clean else None,
    )


def _success_interval(attacked: Floats, clean: Floats, everyone: np.typing.NDArray[np.int64]) -> Interval | None:
    """Over the mentions that are right under every seed; who they are is taken as given."""
    right = np.flatnonzero(np.all(clean == 1.0, axis=0))
    _, cluster = np.unique(everyone[right], return_inverse=True)
    return interval(1 - attacked[:, right], cluster)
