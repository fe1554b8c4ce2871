"""Accuracy by how many of the demonstrations shown are poisoned, beside the same mentions with the same demonstrations unpoisoned."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from robustmel.errors import UsageError
from robustmel.report.comparisons.kinds import QUESTIONS, Pair
from robustmel.report.record import AttackRecord
from robustmel.report.results import ResultCell
from robustmel.report.rows import table_rows
from robustmel.report.scoring import Scoring
from robustmel.report.statistics import UNKNOWN, contrast

OTHER, NOT_SAID = "other demonstrations", "not said"
"""Groups of mentions that have no such number: other ones were shown with the poison than without, or no answer says which."""

Demos = tuple[str, ...] | None
"""As in `Prediction`."""


@dataclass(frozen=True, slots=True)
class DemoGroup(AttackRecord):
    """Mentions that were shown so many poisoned demonstrations. Shares are in [0, 1], and each seed of a mention counts.

    Args:
        group: How many, "0" and up; "other demonstrations" or "not said" where there is no such number.
        n: Mentions, times seeds.
        clusters: Groups among them that share an entity or an image.
        unpoisoned_accuracy: Of the same linker without the poison, in the same cell and seed.
        accuracy: With the poison.
        lost: Mentions with less credit with the poison than without.
        won: Mentions with more.
        difference: accuracy - unpoisoned_accuracy.
        low, high: Bounds of its 95 % interval, None where there is none.
    """

    group: str
    n: int
    clusters: int
    unpoisoned_accuracy: float
    accuracy: float
    lost: int
    won: int
    difference: float
    low: float | None
    high: float | None


def by_poisoned_demos(scoring: Scoring) -> list[DemoGroup]:
    """Every group of every poisoned row; worst cases over attacks are left out, as they have several prompts a mention.

    Raises:
        UsageError: Nothing is poisoned beside itself unpoisoned, or no answer says which demonstrations were shown.
    """
    rows = [row for row in table_rows(scoring.run.cells) if not (row.untouched or row.worst_case)]
    pairs = [pair for pair in QUESTIONS["poison"].pairs(rows) if pair.row.first.candidates == pair.other.first.candidates]
    if not pairs:
        raise UsageError(
            "no linker of this run is poisoned beside itself unpoisoned; a grid needs "
            'poisons = ["none", {name = "...", record_rate = ..., target = "demos"}].'
        )
    groups = [group for pair in pairs for group in _groups(pair, scoring)]
    if all(group.group == NOT_SAID for group in groups):
        raise UsageError(
            "the answers of this run do not say which demonstrations were shown: none of its poisoned linkers shows any, or an earlier "
            "version wrote them; then run the grid again with a new --store."
        )
    return groups


def poisoned(shown: Demos, unpoisoned: Demos) -> str:
    """The group of a mention that was shown these with the poison, and those without."""
    if shown is None or unpoisoned is None:
        return NOT_SAID
    if list(map(_id, shown)) != list(map(_id, unpoisoned)):
        return OTHER
    return str(sum(ours != theirs for ours, theirs in zip(shown, unpoisoned, strict=True)))


def _groups(pair: Pair, scoring: Scoring) -> Iterator[DemoGroup]:
    twins = {cell.cell.seed: cell for cell in pair.other.cells}
    beside = [(cell, twins.get(cell.cell.seed, pair.other.first)) for cell in pair.row.cells]
    member = np.array(
        [poisoned(*both) for cells in beside for both in zip(*(_shown(cell, scoring) for cell in cells), strict=True)]
    )
    before, after = (
        np.concatenate([scoring.cell(cells[side]).credit[0] for cells in beside]) for side in (1, 0)
    )  # the unpoisoned one first
    everyone = np.tile(scoring.clusters(pair.row.first), len(beside))
    for group in sorted(set(member.tolist()), key=lambda name: (name == NOT_SAID, name == OTHER, len(name), name)):
        among = member == group
        _, cluster = np.unique(everyone[among], return_inverse=True)
        ours, theirs = after[among][None], before[among][None]
        change = contrast([ours], [theirs], cluster)
        low, high = (change.interval() if change else None) or UNKNOWN
        yield DemoGroup(
            cell=pair.cell,
            white_box=pair.row.white_box,
            group=group,
            n=int(among.sum()),
            clusters=int(cluster.max()) + 1,
            unpoisoned_accuracy=float(theirs.mean()),
            accuracy=float(ours.mean()),
            lost=int((ours < theirs).sum()),
            won=int((ours > theirs).sum()),
            difference=float(ours.mean() - theirs.mean()),
            low=low,
            high=high,
        )


def _shown(cell: ResultCell, scoring: Scoring) -> Iterator[Demos]:
    return (answer.demos for answer in scoring.run.answers(cell, cell.evaluations[0]))


def _id(demo: str) -> str:
    return demo.rpartition(" ")[0]
