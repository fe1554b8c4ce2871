"""Is the exact robust accuracy of the linear tower inside the report's interval, and are exactly those mentions broken that can be?"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from robustmel.registry import Component
from robustmel.report import Summary
from robustmel.selftest.attack_suites import WHITE_BOXES, at_every_budget
from robustmel.selftest.diagnosis import Diagnosis
from robustmel.selftest.planted import Planted
from robustmel.selftest.verdict import Verdict
from robustmel.selftest.victim_report import Runner, VictimReport

MEASURE = Component("pgd", label="PGD")
"""What an attack of the user's is measured by."""

TOWER = f"{Path(__file__).with_name('tower.py')}:LinearTower"

LABEL = "linear-tower"

MISSED_IN_PAIRS = 0.02
"""Share of the breakable mentions that one attack may miss where there are two candidates; the shipped attacks miss none."""
MISSED_IN_LISTS = 0.1
"""And all attacks together where there are ten: the loss may lead to the wrong one of several wrong candidates."""
FEW = 3
"""Mentions that may be missed in lists whatever their share."""


def setting(planted: Planted) -> dict[str, Any]:
    """The tower over a planted data set, as a grid writes it."""
    return {
        "datasets": [{"name": "jsonl", "path": str(planted.folder), "label": planted.name}],
        "linkers": [{"name": TOWER, "weights": str(planted.weights), "label": LABEL}],
    }


def check_tower(
    planted: Planted, run: Runner, attacks: Sequence[Component] = WHITE_BOXES, own: Component | None = None
) -> list[Verdict]:
    """One verdict on the clean images and the flags, and one a budget of the ladder."""
    attacks = attacks if own is None else (own, MEASURE)
    report = run(
        f"{planted.folder.parent.name}-{planted.folder.name}",
        setting(planted) | {"attacks": at_every_budget(attacks, planted.ladder)},
    )
    victim = VictimReport(report, planted.name, LABEL)
    judge = _at if own is None else _own_at
    return [_clean(planted, victim), *(judge(planted, victim, attacks, level) for level in planted.ladder)]


def _clean(planted: Planted, victim: VictimReport) -> Verdict:
    clean, exact = victim.row("clean"), planted.truth.accuracy(0)
    faults = [
        f"flag {code} was raised on {', '.join(attacks)}, but this linker's gradients are honest"
        for code, attacks in victim.flags.items()
    ]
    if not _within(exact, clean):
        faults.insert(0, f"clean accuracy: {_interval(clean)} does not contain the exact {exact:.1%}")
    if len(planted.ladder) < 3:
        faults.append(f"only the budgets {planted.ladder} separate attacks; use other or more pictures")
    summary = f"clean {_interval(clean)}; flags: {', '.join(victim.flags) or 'none'}"
    return Verdict(f"linear tower, {planted.name}", f"clean {exact:.1%}; honest", summary, tuple(faults))


def _at(planted: Planted, victim: VictimReport, attacks: Sequence[Component], level: int) -> Verdict:
    exact = planted.truth.accuracy(level)
    diagnoses = [_diagnosis(planted, victim, attack, level) for attack in attacks]
    rows = [victim.row(diagnosis.attack) for diagnosis in diagnoses]
    worst = victim.worst(level)
    faults = list(_faults(planted, diagnoses))
    judged = [*rows, worst] if worst else rows
    faults += [
        f"{row.attack}: {_interval(row)} does not contain the exact {exact:.1%}" for row in judged if not _within(exact, row)
    ]
    summary = [f"{attack.title} {_interval(row)}" for attack, row in zip(attacks, rows, strict=True)]
    summary += [f"worst {_interval(worst)}"] if worst else []
    summary.append(f"missed {_missed_by_all(diagnoses)} of {diagnoses[0].breakable}")
    return Verdict(f"  at {level}/255", f"{exact:.1%}", "; ".join(summary), tuple(faults))


def _own_at(planted: Planted, victim: VictimReport, attacks: Sequence[Component], level: int) -> Verdict:
    """On the first attack alone, measured by the second."""
    exact = planted.truth.accuracy(level)
    diagnosis, measure = (_diagnosis(planted, victim, attack, level) for attack in attacks)
    row, missed = victim.row(diagnosis.attack), diagnosis.missed > max(measure.missed, MISSED_IN_PAIRS * diagnosis.breakable)
    faults, weaker = list(diagnosis.faults()), list[str]()
    if missed and not faults:
        (faults if diagnosis.astray else weaker).append(diagnosis.weakness(measure))
    if not _within(exact, row) and not weaker:
        faults.append(f"{row.attack}: {_interval(row)} does not contain the exact {exact:.1%}")
    summary = f"{attacks[0].title} {_interval(row)}; missed {diagnosis.missed} of {diagnosis.breakable} ({MEASURE.title}: {measure.missed})"
    return Verdict(f"  at {level}/255", f"{exact:.1%}", summary, tuple(faults), tuple(weaker))


def _diagnosis(planted: Planted, victim: VictimReport, attack: Component, level: int) -> Diagnosis:
    cell = victim.cell(f"{attack.title} {level}/255")
    return Diagnosis(cell.attack, level, victim.linked(cell), victim.leads(cell), victim.log(cell), planted.truth)


def _faults(planted: Planted, diagnoses: Sequence[Diagnosis]) -> Iterator[str]:
    for diagnosis in diagnoses:
        yield from diagnosis.faults()
    if planted.pairs:
        yield from (diagnosis.weakness() for diagnosis in diagnoses if diagnosis.missed > MISSED_IN_PAIRS * diagnosis.breakable)
    elif _missed_by_all(diagnoses) > max(FEW, MISSED_IN_LISTS * diagnoses[0].breakable):
        yield min(diagnoses, key=lambda diagnosis: diagnosis.missed).weakness()


def _missed_by_all(diagnoses: Sequence[Diagnosis]) -> int:
    """Mentions that can be broken and withstood every attack."""
    first = diagnoses[0]
    stood = first.truth.decided(first.level) & ~first.truth.robust(first.level)
    for diagnosis in diagnoses:
        stood &= diagnosis.linked >= 1
    return int(stood.sum())


def _within(exact: float, row: Summary) -> bool:
    return row.ci_low is not None and row.ci_high is not None and row.ci_low <= exact <= row.ci_high


def _interval(row: Summary) -> str:
    low, high = (100 * (end or 0.0) for end in (row.ci_low, row.ci_high))
    return f"{row.accuracy or 0:.1%} [{low:.0f}, {high:.0f}]"
