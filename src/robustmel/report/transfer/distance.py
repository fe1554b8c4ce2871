"""How far from the diagonal a transfer matrix lies: what images made on another linker leave that the linker's own do not."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from robustmel.report.credit import Floats
from robustmel.report.record import source_linker
from robustmel.report.statistics import Clusters, Contrast, contrast
from robustmel.types import Cell

Place = tuple[str, Cell]
"""A source by its title, and the clean cell of a victim."""


@dataclass(frozen=True)
class Distance:
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


def distance(
    attacked: Mapping[Place, Floats],
    white_boxes: Collection[Place],
    noise: Mapping[Place, Floats],
    clean: Mapping[Cell, Floats],
    cluster: Clusters,
) -> Distance | None:
    """Compares the diagonal with the rest; None where no victim was shown both.

    Args:
        attacked: (source, victim) -> (S, n) credit in [0, 1]; the same n mentions everywhere.
        white_boxes: Those of its places where the source is the victim itself.
        noise: Likewise, of controls.
        clean: Victim -> credit on clean images.
        cluster: (n,) cluster numbers.
    """
    linkers = {victim.linker for _, victim in attacked}
    own = {place[1]: credit for place, credit in attacked.items() if place in white_boxes}
    foreign = {
        (source, victim): credit
        for (source, victim), credit in attacked.items()
        if source_linker(source) in linkers - {victim.linker} and victim in own
    }
    if not foreign or next(iter(own.values())).shape[1] == 0:
        return None
    both = {victim for _, victim in foreign}
    diagonal = _mean([own[victim] for _, victim in foreign])  # a victim counts as often as it has foreign sources
    others = _mean(list(foreign.values()))
    ensembles = dict.fromkeys(source for source, _ in attacked if source_linker(source) not in linkers)
    return Distance(
        victims=len(both),
        pairs=len(foreign),
        clean=_over(clean, both),
        white_box=float(diagonal.mean()),
        foreign=float(others.mean()),
        gap=contrast([others], [diagonal], cluster),
        ensembles={
            title: mean
            for title in ensembles
            if (mean := _over({victim: credit for (source, victim), credit in attacked.items() if source == title}, both))
            is not None
        },
        control=_over({victim: credit for (_, victim), credit in noise.items()}, both),
    )


def _mean(parts: list[Floats]) -> Floats:
    """(S, n), or (1, n) where the numbers of seeds differ."""
    if len({len(part) for part in parts}) > 1:
        parts = [part.mean(axis=0, keepdims=True) for part in parts]
    mean: Floats = np.mean(parts, axis=0)
    return mean


def _over(credit: Mapping[Cell, Floats], victims: set[Cell]) -> float | None:
    """Mean accuracy over victims; None where one of them is missing."""
    if not victims <= credit.keys():
        return None
    return float(np.mean([credit[victim].mean() for victim in victims]))
