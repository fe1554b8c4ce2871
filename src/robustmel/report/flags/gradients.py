"""What an attack's own steps give away: gradients that say nothing, and a climb that leads nowhere."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, examined
from robustmel.report.flags.kinds import PLATEAU, ZERO
from robustmel.report.metrics import share
from robustmel.report.tables.layout import percent

MASKED = 0.05
"""Share of gradient steps without any gradient that raises the flag. Sound linkers stay below one in a thousand."""
FLAT = 0.02
"""An attack got ahead if it closed more than this many radii (as a share) of the gap to the best wrong candidate. Scores that are
linear in the pixels lose at least one radius' share of any gap that pixels make, so a working attack is fifty times above this."""
FLAT_SHARE = 0.1
"""Share of the images that withstood on which an attack must not have got ahead, to raise the flag."""
FLAT_LEAST = 3
"""And so many images: one or two may be odd in themselves (a single colour, say)."""
UNBOUNDED = 1 / 255
"""The radius that stands for attacks without one."""


def zero_gradients(rows: Sequence[Evidence]) -> Examined:
    """Gradients that are zero everywhere: rounded pixels, half precision, saturated or detached scores.

    Source:
        Athalye, Carlini & Wagner, "Obfuscated Gradients Give a False Sense of Security", 2018, section 3.
    """
    looked = [row for row in rows if row.summary.zero_gradient_share is not None]
    seen = [row for row in looked if (row.summary.zero_gradient_share or 0) > MASKED]
    return examined(ZERO, len(looked), [(row, f"{row.label} {percent(row.summary.zero_gradient_share)} %") for row in seen])


def loss_plateau(rows: Sequence[Evidence]) -> Examined:
    """Images that withstood although neither the loss nor the gap to the best wrong candidate moved: the attack went nowhere.

    Where gradients are zero that is no news, and `zero_gradients` says it.

    Source:
        Carlini et al., "On Evaluating Adversarial Robustness", 2019, section 4; Pintor et al., "Indicators of Attack Failure",
        2022, indicator of a flat loss.
    """
    looked, seen = 0, []
    for row in rows:
        radius = row.bound or UNBOUNDED
        withstood = [one for one in row.done if began_behind(one)]
        looked += bool(withstood)
        if (row.summary.zero_gradient_share or 0) > MASKED:
            continue
        flat = sum(_flat(one, FLAT * radius) for one in withstood)
        if flat >= FLAT_LEAST and flat >= FLAT_SHARE * len(withstood):
            seen.append((row, f"{row.label} on {percent(share(flat, len(withstood)))} %"))
    return examined(PLATEAU, looked, seen)


def began_behind(row: Mapping[str, Any]) -> bool:
    """Whether a log row tells of an image that withstood, and of how the attack went; exact ties never move and are left out."""
    first, best = row.get("margin_first"), row.get("margin_best")
    return row["succeeded"] is False and first is not None and best is not None and math.isfinite(best - first) and first < 0


def closed(row: Mapping[str, Any]) -> float:
    """Share of the gap to the best wrong candidate that the attack closed; for rows that `began_behind`."""
    return float((row["margin_best"] - row["margin_first"]) / -row["margin_first"])


def _flat(row: Mapping[str, Any], least: float) -> bool:
    first, best = row.get("loss_first"), row.get("loss_best")
    risen = first is not None and best is not None and best - first > least * abs(first)
    return not risen and closed(row) <= least
