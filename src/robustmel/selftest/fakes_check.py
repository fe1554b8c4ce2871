"""Checks that every fake defence is flagged, or broken to the known value of the linker behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from robustmel.selftest.attack_suites import attack_suite
from robustmel.selftest.planted import Planted
from robustmel.selftest.tower_check import LABEL, MISSED_IN_LISTS, setting
from robustmel.selftest.verdict import Verdict
from robustmel.selftest.victim_report import Runner, VictimReport

FOLDER = Path(__file__).with_name("fakes")
QUERIES = 300
"""Of the black box: enough to see that it gets somewhere."""
SUSPICIONS = (
    "zero_gradients",
    "misleading_gradients",
    "loss_plateau",
    "nondeterministic",
    "black_box_wins",
    "not_growing_with_eps",
)
"""Flags that say that a robust accuracy is not to be believed."""


@dataclass(frozen=True)
class Fake:
    """A fake defence by file and class; with `same_answers` 8-bit pictures are answered as without it, so the closed form holds of it too."""

    label: str
    place: str
    same_answers: bool

    @property
    def written(self) -> dict[str, Any]:
        """As a grid writes it."""
        return {"name": str(FOLDER / self.place), "label": self.label}


FAKES = (
    Fake("8-bit step", "shattered.py:EightBitStep", True),
    Fake("saturated loss", "flattened.py:SaturatedLoss", True),
    Fake("detached gradient", "flattened.py:DetachedGradient", True),
    Fake("half precision", "flattened.py:HalfPrecision", True),
    Fake("random resize", "stochastic.py:RandomResize", False),
    Fake("JPEG", "shattered.py:JPEGStep", False),
    Fake("stochastic vote", "stochastic.py:StochasticVote", False),
    Fake("confidence gate", "flattened.py:ConfidenceGate", True),
)


def check_fakes(planted: Planted, run: Runner, fakes: Sequence[Fake] = FAKES) -> list[Verdict]:
    """One verdict a fake, all around the linear tower, at the last but one budget of its ladder."""
    level = planted.ladder[-2:][0]
    table = {"attacks": attack_suite(level, QUERIES), "defences": [fake.written for fake in fakes]}
    report = run("fakes", setting(planted) | table)
    return [_check(fake, planted, VictimReport(report, planted.name, LABEL, fake.label), level) for fake in fakes]


def _check(fake: Fake, planted: Planted, victim: VictimReport, level: int) -> Verdict:
    exact = planted.truth.accuracy(level)
    flags = [code for code in victim.flags if code in SUSPICIONS]
    broken = fake.same_answers and _broken(planted, victim, level)
    naive, worst = victim.row(f"pgd {level}/255").accuracy or 0.0, victim.worst(level)
    figures = f"pgd {naive:.1%}, worst {(worst.accuracy if worst else None) or 0:.1%}"
    faults = [] if flags or broken else [f"{figures} without a flag, but the linker behind it keeps {exact:.1%}"]
    expected = f"{exact:.1%} at {level}/255" + ("" if fake.same_answers else " without it")
    summary = f"{figures}; flags: {', '.join(flags) or 'none'}" + ("; broken to its value" if broken else "")
    return Verdict(f"fake: {fake.label}", expected, summary, tuple(faults))


def _broken(planted: Planted, victim: VictimReport, level: int) -> bool:
    """Whether all attacks together broke what can be broken, and nothing else."""
    cells = [cell for cell in victim.cells if cell.attack.endswith(f" {level}/255")]
    stood = np.min([victim.linked(cell) for cell in cells], axis=0) >= 1
    decided, robust = planted.truth.decided(level), planted.truth.robust(level)
    breakable = decided & ~robust
    return bool((stood & breakable).sum() <= MISSED_IN_LISTS * breakable.sum() and not (~stood & decided & robust).any())
