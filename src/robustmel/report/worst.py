"""Worst cases: a mention counts as linked only if it withstands everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import reduce

import numpy as np

from robustmel.report.credit import Earned
from robustmel.report.results import Cell

CONTROLS = frozenset({"none", "noise", "corruption"})
"""Threat models that are nobody's attack and belong in no worst case: clean images, random noise, natural corruptions."""


def worst(earned: Sequence[Earned]) -> Earned:
    """Per seed and mention the least of what several row sets earned; a failure in one of them is a failure."""
    return Earned(
        credit=reduce(np.minimum, [one.credit for one in earned]),
        hits=reduce(np.minimum, [one.hits for one in earned]),
        reciprocal=reduce(np.minimum, [one.reciprocal for one in earned]),
        failed=reduce(np.logical_or, [one.failed for one in earned]),
        failures=tuple(failure for one in earned for failure in one.failures),
    )


def ensembles(cells: Iterable[Cell]) -> list[tuple[Cell, ...]]:
    """Groups of attacks over which a worst case makes sense, each with at least two members.

    Members share everything but the attack: data set, task, linker, defence, source, seed, threat model and budget. Only cells in
    which an image was perturbed take part.
    """
    found: defaultdict[tuple[object, ...], list[Cell]] = defaultdict(list)
    for cell in cells:
        if cell.threat_model in CONTROLS or all(view.variant is None for view in cell.views):
            continue
        key = (cell.dataset, cell.task, cell.linker, cell.defence, cell.source, cell.seed, cell.threat_model, cell.budget)
        found[key].append(cell)
    return [tuple(group) for group in found.values() if len(group) > 1]


def worst_title(threat_model: str, budget: str) -> str:
    """What the worst case over a threat model is called: "worst-linf-8/255"."""
    return "-".join(part for part in ("worst", threat_model, budget) if part)
