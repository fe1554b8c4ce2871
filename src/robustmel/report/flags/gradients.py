"""What an attack's own steps give away: gradients that say nothing, and a climb that leads nowhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from robustmel.report.flags.evidence import Evidence
from robustmel.report.flags.flag import Examined, examined
from robustmel.report.flags.kinds import PLATEAU, ZERO
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
        count = len(row.trace.stood)
        looked += count > 0
        if (row.summary.zero_gradient_share or 0) > MASKED:
            continue
        least = FLAT * (row.bound or UNBOUNDED)
        flat = int(np.sum((row.trace.closed() <= least) & ~(row.trace.risen() > least)))
        if flat >= FLAT_LEAST and flat >= FLAT_SHARE * count:
            seen.append((row, f"{row.label} on {percent(flat / count)} %"))
    return examined(PLATEAU, looked, seen)
