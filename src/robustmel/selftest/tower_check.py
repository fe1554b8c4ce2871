"""Is the exact robust accuracy of the linear tower inside the report's interval, and are exactly those mentions broken that can be?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from robustmel.registry import Component
from robustmel.report import Summary
from robustmel.selftest.attempts import WHITE_BOXES, climbing
from robustmel.selftest.diagnosis import Course
from robustmel.selftest.evidence import Runner, Victim
from robustmel.selftest.planted import Planted
from robustmel.selftest.verdict import Verdict

TOWER = f"{Path(__file__).with_name('tower.py')}:LinearTower"

LABEL = "linear-tower"

MISSED_IN_PAIRS = 0.02
"""Share of the breakable mentions that one attack may miss where there are two candidates; the shipped attacks miss none."""
MISSED_IN_LISTS = 0.1
"""And all attacks together where there are ten: the loss may lead to the wrong one of several wrong candidates."""
MISSED_ALONE = 0.3
"""Or there a single attack, where no other is tried."""
FEW = 3
"""Mentions that may be missed in lists whatever their share."""


def setting(planted: Planted) -> dict[str, Any]:
    """The tower over a planted data set, as a grid writes it."""
    return {
        "datasets": [{"name": "jsonl", "path": str(planted.folder), "label": planted.name}],
        "linkers": [{"name": TOWER, "weights": str(planted.weights), "label": LABEL}],
    }


def check_tower(planted: Planted, run: Runner, attacks: Sequence[Component] = WHITE_BOXES) -> list[Verdict]:
    """One verdict on the clean images and the flags, and one a budget of the ladder."""
    report = run(
        f"{planted.folder.parent.name}-{planted.folder.name}", setting(planted) | {"attacks": climbing(attacks, planted.ladder)}
    )
    victim = Victim(report, planted.name, LABEL)
    return [_clean(planted, victim), *(_at(planted, victim, attacks, level) for level in planted.ladder)]


def _clean(planted: Planted, victim: Victim) -> Verdict:
    clean, exact = victim.row("clean"), planted.truth.accuracy(0)
    faults = [f"flag {code} on {', '.join(attacks)}, and this linker hides nothing" for code, attacks in victim.flags.items()]
    if not _within(exact, clean):
        faults.insert(0, f"clean accuracy: {_shown(clean)} does not hold {exact:.1%}")
    if len(planted.ladder) < 3:
        faults.append(f"the budgets {planted.ladder} are no ladder; other pictures, or more of them, are needed")
    said = f"clean {_shown(clean)}; flags: {', '.join(victim.flags) or 'none'}"
    return Verdict(f"linear tower, {planted.name}", f"clean {exact:.1%}; honest", said, tuple(faults))


def _at(planted: Planted, victim: Victim, attacks: Sequence[Component], level: int) -> Verdict:
    exact = planted.truth.accuracy(level)
    courses = [_course(planted, victim, attack, level) for attack in attacks]
    rows = [victim.row(course.attack) for course in courses]
    together = victim.worst(level)
    faults = list(_faults(planted, courses))
    shown = [*rows, together] if together else rows
    faults += [f"{one.attack}: {_shown(one)} does not hold {exact:.1%}" for one in shown if not _within(exact, one)]
    said = [f"{attack.title} {_shown(row)}" for attack, row in zip(attacks, rows, strict=True)]
    said += [f"worst {_shown(together)}"] if together else []
    said.append(f"missed {_missed_by_all(courses)} of {courses[0].breakable}")
    return Verdict(f"  at {level}/255", f"{exact:.1%}", "; ".join(said), tuple(faults))


def _course(planted: Planted, victim: Victim, attack: Component, level: int) -> Course:
    cell = victim.cell(f"{attack.title} {level}/255")
    return Course(cell.attack, level, victim.linked(cell), victim.leads(cell), victim.log(cell), planted.truth)


def _faults(planted: Planted, courses: Sequence[Course]) -> Iterator[str]:
    for course in courses:
        yield from course.faults()
    if planted.pairs:
        yield from (one.weakness() for one in courses if one.missed > MISSED_IN_PAIRS * one.breakable)
    elif _missed_by_all(courses) > max(FEW, (MISSED_IN_LISTS if len(courses) > 1 else MISSED_ALONE) * courses[0].breakable):
        yield min(courses, key=lambda one: one.missed).weakness()


def _missed_by_all(courses: Sequence[Course]) -> int:
    """Mentions that can be broken and withstood every attack."""
    first = courses[0]
    stood = first.truth.decided(first.level) & ~first.truth.robust(first.level)
    for one in courses:
        stood &= one.linked >= 1
    return int(stood.sum())


def _within(exact: float, row: Summary) -> bool:
    return row.ci_low is not None and row.ci_high is not None and row.ci_low <= exact <= row.ci_high


def _shown(row: Summary) -> str:
    low, high = (100 * (one or 0.0) for one in (row.ci_low, row.ci_high))
    return f"{row.accuracy or 0:.1%} [{low:.0f}, {high:.0f}]"
