"""The embedded linkers: no honest one may be flagged, and the adversarially trained one must withstand what it was trained for."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from robustmel.linkers import LINKERS
from robustmel.linkers.weights import WORLD, model_folder
from robustmel.registry import Preset
from robustmel.report.credit import Floats
from robustmel.report.statistics import contrast
from robustmel.selftest.attack_suites import HUGE_BUDGET, attack_suite
from robustmel.selftest.verdict import Verdict
from robustmel.selftest.victim_report import Runner, VictimReport

ROBUST, PLAIN = "clip-robust-world", "clip-world"
DATASET = "world-news"
QUERIES = 40
"""Of the black box, an image."""
ABOUT_NOTHING = 0.1
"""What may be left at 0.2 of any linker here: the robust one was trained for much less, and the others for nothing."""
UNDEFENDED = 0.4
"""What may be left, at the budget that the robust linker was trained for, of one that was trained for no attack."""


def embedded() -> list[str]:
    """Presets of checkpoints in the package that link an image alone; generative ones take minutes, and need its text."""
    entries = ((name, LINKERS[name]) for name in LINKERS)
    models = {name: str(entry.params.get("model", "")) for name, entry in entries if isinstance(entry, Preset)}
    return [name for name, model in models.items() if model.startswith(WORLD) and "I2T" in LINKERS.load(name).tasks]


def training_budget() -> int:
    """What the robust linker was trained to withstand, in 255ths."""
    record = Path(model_folder(WORLD + PLAIN)).with_name(ROBUST) / "training_recipe.json"
    return round(255 * float(json.loads(record.read_text("utf-8"))["recipe"]["adversarial"]["eps"]))


def check_models(linkers: Sequence[str], limit: int, run: Runner) -> list[Verdict]:
    """One verdict a linker, on mentions of the embedded world, and one on the robust linker beside the plain one if both are there."""
    level = training_budget()
    table = {"datasets": [DATASET], "linkers": list(linkers), "limit": limit, "attacks": attack_suite(level, QUERIES)}
    report = run("models", table)
    victims = {linker: VictimReport(report, DATASET, linker) for linker in linkers}
    verdicts = [_honest(victim, level) for victim in victims.values()]
    if {ROBUST, PLAIN} <= victims.keys():
        verdicts.append(_robust(victims[ROBUST], victims[PLAIN], level))
    return verdicts


def _honest(victim: VictimReport, level: int) -> Verdict:
    clean, last, worst = victim.row("clean"), victim.row(f"pgd {HUGE_BUDGET}/255"), victim.worst(level)
    figures = [
        f"{name} {(row.accuracy if row else None) or 0:.1%}"
        for name, row in (("clean", clean), (f"{level}/255", worst), ("0.2", last))
    ]
    faults = [
        f"flag {code} was raised on {', '.join(attacks)}, but this linker's gradients are honest"
        for code, attacks in victim.flags.items()
    ]
    for name, row, most in ((f"{level}/255", worst, UNDEFENDED), ("0.2", last, ABOUT_NOTHING)):
        left = (row.accuracy if row else None) or 0.0
        if left > most and victim.linker != ROBUST:
            faults.append(f"at {name} it keeps {left:.1%}, but it has no defence: more than {most:.0%} is not to be believed")
    summary = f"{', '.join(figures)}; flags: {', '.join(victim.flags) or 'none'}"
    return Verdict(victim.linker, "honest" if victim.linker == ROBUST else "honest, undefended", summary, tuple(faults))


def _robust(robust: VictimReport, plain: VictimReport, level: int) -> Verdict:
    """Under the worst attack at its training budget, mention by mention."""
    compared = contrast([_withstood(robust, level)], [_withstood(plain, level)], robust.clusters)
    bounds = compared.interval() if compared else None
    value = 100 * (compared.value if compared else 0.0)
    interval = f"[{100 * bounds.low:+.0f}, {100 * bounds.high:+.0f}]" if bounds else "without an interval"
    left = robust.row(f"pgd {HUGE_BUDGET}/255").accuracy or 0.0
    faults = []
    if bounds is None or bounds.low <= 0:
        faults.append(f"at {level}/255 it keeps {value:+.1f} points {interval} more than {PLAIN}; the interval reaches 0")
    if left > ABOUT_NOTHING:
        faults.append(f"at 0.2 it keeps {left:.1%}, more than {ABOUT_NOTHING:.0%}")
    return Verdict(
        f"{ROBUST} less {PLAIN}",
        f"above 0 at {level}/255, 0 at 0.2",
        f"{value:+.1f} points {interval} at {level}/255; keeps {left:.1%} at 0.2",
        tuple(faults),
    )


def _withstood(victim: VictimReport, level: int) -> Floats:
    """(1, n): the credit of each mention under the attack that was hardest on it."""
    cells = [cell for cell in victim.cells if cell.threat_model == "linf" and cell.attack.endswith(f" {level}/255")]
    least: Floats = np.min([victim.linked(cell) for cell in cells], axis=0)[None]
    return least
