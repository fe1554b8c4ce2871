"""Every shipped attack, both tasks, targets and seeds, and the figures of a report, on pairs whose every answer is known."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from robustmel.attacks.image.degradations import DEGRADATIONS
from robustmel.report import Summary
from robustmel.selftest.diagnosis import HALF_A_STEP, Diagnosis
from robustmel.selftest.planted import Planted, with_namesakes
from robustmel.selftest.tower_check import LABEL, MISSED_IN_PAIRS, setting
from robustmel.selftest.truth import Truth
from robustmel.selftest.verdict import Verdict
from robustmel.selftest.victim_report import Runner, VictimReport

TEXT = 1.5
"""What the text adds to the right entity's score; images alone give it a lead of up to 12."""
NO_BUDGET = {"fmn linf": 1.15, "fmn l2": 1.15, "cw": 1.6}
"""Attacks that look for the shortest change: how much longer than the shortest there is their median one may be."""
ONE = 1
"""A mention on the brink that any of these attacks may miss."""
MISSED_BY_SQUARE = 0.9
"""Of what can be broken, with few queries."""
SHORT_OF_NOISE = 0.75
"""Noise and corruptions change images by this much of their size at least, in the median: the rest falls beyond black and white."""


def check_attacks(planted: Planted, run: Runner) -> list[Verdict]:
    """One verdict an attack on the image alone, one on its figures, and one on what a text changes."""
    level = planted.ladder[len(planted.ladder) // 2]
    table = setting(planted)
    table["linkers"][0]["text"] = TEXT
    within = run("attacks-within-a-budget", table | {"attacks": _bounded_attacks(level), "tasks": ["I2T", "IT2T", "T2T"]})
    others = run("attacks-without-a-budget", table | {"attacks": _other_attacks(level), "seeds": [0, 1]})
    image, fused, text = (VictimReport(within, planted.name, LABEL, task=task) for task in ("I2T", "IT2T", "T2T"))
    alone = VictimReport(others, planted.name, LABEL)
    exact = {"I2T": planted.truth, "IT2T": planted.truth.raised(TEXT)}
    verdicts = [_bounded(victim, exact[victim.task], name, level) for victim in (image, fused) for name in BOUNDED]
    verdicts += [_shortest(alone, planted.truth, name) for name in NO_BUDGET]
    verdicts += [_controls(alone, level), _figures(image, fused, text, exact, level)]
    namesakes = with_namesakes(planted, planted.folder.with_name("namesakes"))
    shared = run("attacks-on-namesakes", setting(namesakes) | {"attacks": _attacks_on_namesakes(level)})
    victim = VictimReport(shared, namesakes.name, LABEL)
    return [*verdicts, *(_despite_namesakes(victim, planted.truth, name, level) for name in NAMESAKES)]


BOUNDED = ("pgd", "pgd toward the runner-up", "apgd", "apgd-t", "fab", "autoattack")
"""Attacks within the ball; in pairs each must find what there is."""


def _bounded_attacks(level: int) -> list[dict[str, Any]]:
    eps = f"{level}/255"
    step = {"eps": eps, "step_size": f"{level}/{255 * 8}"}
    return [
        {"name": "clean"},
        {"name": "pgd", **step, "label": "pgd"},
        {"name": "pgd", **step, "targeted": "runner_up", "label": "pgd toward the runner-up"},
        {"name": "apgd", "eps": eps, "label": "apgd"},
        {"name": "apgd-t", "eps": eps, "steps": 20, "targets": 1, "label": "apgd-t"},
        {"name": "fab", "eps": eps, "steps": 40, "targets": 1, "label": "fab"},
        {"name": "autoattack", "eps": eps, "steps": 20, "targets": 1, "queries": 20, "label": "autoattack"},
    ]


def _other_attacks(level: int) -> list[dict[str, Any]]:
    return [
        {"name": "clean"},
        {"name": "fmn", "norm": "linf", "steps": 60, "label": "fmn linf"},
        {"name": "fmn", "norm": "l2", "steps": 60, "label": "fmn l2"},
        {"name": "cw", "c": 1000.0, "lr": 0.02, "steps": 60, "label": "cw"},
        {"name": "noise", "eps": f"{level}/255", "draw": "uniform", "label": "noise linf"},
        {"name": "noise", "eps": 1.0, "norm": "l2", "label": "noise l2"},
        *({"name": "corruption", "kind": kind, "eps": 1.0, "norm": "l2", "label": kind} for kind in DEGRADATIONS),
    ]


NAMESAKES = ("pgd", "apgd-dlr", "fab", "square", "cw", "fmn l2")
"""What is tried where the right entity has a namesake: above all losses that are a lead over the best other candidate."""


def _attacks_on_namesakes(level: int) -> list[dict[str, Any]]:
    by_label = {attack["label"]: attack for attack in (*_bounded_attacks(level), *_other_attacks(level)) if "label" in attack}
    by_label["apgd-dlr"] = {"name": "apgd", "loss": "dlr", "eps": f"{level}/255", "label": "apgd-dlr"}
    by_label["square"] = {"name": "square", "eps": f"{level}/255", "queries": 500, "label": "square"}
    return [{"name": "clean"}, *(by_label[name] for name in NAMESAKES)]


def _despite_namesakes(victim: VictimReport, truth: Truth, attack: str, level: int) -> Verdict:
    """A rival must lead both namesakes; half a right answer is not broken."""
    broken = victim.linked(victim.cell(attack)) == 0
    budget = victim.row(attack).threat_model == "linf"
    can = truth.robust(0) & truth.decided(0) & truth.decided(level) & (~truth.robust(level) if budget else True)
    missed, impossible = int((can & ~broken).sum()), int((broken & truth.decided(level) & truth.robust(level)).sum()) * budget
    faults = []
    if missed > max(ONE, (MISSED_BY_SQUARE if attack == "square" else MISSED_IN_PAIRS) * can.sum()):
        faults.append(
            f"{attack} missed {missed} of {int(can.sum())} mentions; half of them have a namesake of the right entity"
        )
    if impossible:
        faults.append(f"{attack}: {impossible} mentions count as broken, but no image within {level}/255 breaks them")
    summary = f"missed {missed} of {int(can.sum())}"
    return Verdict(f"{attack}, half with a namesake", f"{int(can.sum())} can be broken", summary, tuple(faults))


def _diagnosis(victim: VictimReport, truth: Truth, attack: str, level: int) -> Diagnosis:
    cell = victim.cell(attack)
    return Diagnosis(attack, level, victim.linked(cell), victim.leads(cell), victim.log(cell), truth)


def _bounded(victim: VictimReport, truth: Truth, attack: str, level: int) -> Verdict:
    """Exactly those mentions are broken that can be."""
    diagnosis, row = _diagnosis(victim, truth, attack, level), victim.row(attack)
    faults = list(diagnosis.faults())
    if diagnosis.missed > max(ONE, MISSED_IN_PAIRS * diagnosis.breakable):
        faults.append(diagnosis.weakness())
    return Verdict(
        f"{attack}, {victim.task}",
        f"{truth.accuracy(level):.1%} at {level}/255",
        f"{row.accuracy or 0:.1%}; missed {diagnosis.missed} of {diagnosis.breakable}",
        tuple(faults),
    )


def _shortest(victim: VictimReport, truth: Truth, attack: str) -> Verdict:
    """Everything is broken, and by changes that are not much longer than the shortest there are, and never shorter."""
    log = victim.log(victim.cell(attack))
    attacked = np.array([row["status"] == "ok" for row in log]) & truth.robust(0) & truth.decided(0)
    broken = attacked & np.array([bool(row["succeeded_u8"]) for row in log])
    linf = attack.endswith("linf")
    shortest = truth.least_levels / 255 if linf else truth.distances
    lengths = np.array([row["linf_u8" if linf else "l2_u8"] or 0.0 for row in log], dtype=np.float64)
    ratio = lengths[broken] / shortest[broken] if broken.any() else np.array([np.inf])
    faults = []
    if (missed := int((attacked & ~broken).sum())) > MISSED_IN_PAIRS * attacked.sum():
        faults.append(
            f"{attack} broke {int(broken.sum())} of {int(attacked.sum())} mentions; without a budget all can be broken"
        )
    if (ratio < 1 - 1e-3).any():
        faults.append(f"{attack} broke {int((ratio < 1 - 1e-3).sum())} mentions by changes shorter than any that can")
    if np.median(ratio) > NO_BUDGET[attack]:
        faults.append(f"{attack}: its median change is {np.median(ratio):.2f} times as long as the shortest there is")
    summary = f"missed {missed} of {int(attacked.sum())}; {np.median(ratio):.2f} times the shortest change"
    return Verdict(f"{attack}, {victim.task}", "all broken, by the shortest change", summary, tuple(faults))


def _controls(victim: VictimReport, level: int) -> Verdict:
    """Noise and corruptions: as large as they say, fresh for every seed, never counted as attacks."""
    faults, names = [], ("noise linf", "noise l2", *DEGRADATIONS)
    for name in names:
        log = victim.log(victim.cell(name))
        if failed := [row["status"] for row in log if row["status"] != "ok"]:
            faults.append(f"{name}: {len(failed)} of {len(log)} images failed ({failed[0]})")
            continue
        size = level / 255 if name == "noise linf" else 1.0
        sizes = np.array([row["linf_u8" if name == "noise linf" else "l2_u8"] for row in log], dtype=np.float64)
        slack = np.array(
            [HALF_A_STEP * (1 if name == "noise linf" else np.sqrt(3 * row["width"] * row["height"])) for row in log]
        )
        if (sizes > size + slack).any() or np.median(sizes) < SHORT_OF_NOISE * size:
            faults.append(
                f"{name}: the change of images is {np.median(sizes):.3f} in the median where {size:.3f} was asked for"
            )
    drawn = [victim.leads(cell) for cell in victim.cells if cell.attack == "noise linf"]
    if np.array_equal(drawn[0], drawn[1]):
        faults.append("noise linf: both seeds drew the same noise")
    return Verdict("noise and corruptions", "of the size they say", f"{len(names)} looked at", tuple(faults))


def _figures(image: VictimReport, fused: VictimReport, text: VictimReport, exact: dict[str, Truth], level: int) -> Verdict:
    """The columns of a report beside what they are by definition."""
    faults: list[str] = []
    for victim in (image, fused):
        truth = exact[victim.task]
        diagnosis = _diagnosis(victim, truth, "pgd", level)
        slack = (diagnosis.missed + 2 * int((~truth.decided(level) | ~truth.decided(0)).sum())) / max(truth.robust(0).sum(), 1)
        for row in (victim.row("pgd"), victim.row("clean"), victim.worst(level)):
            if row is not None:
                faults += _wrong_columns(row, truth, level, slack)
        if victim.worst(level) is None:
            faults.append(f"{victim.task}: there is no worst case over the attacks within {level}/255")
    if (text.row("clean").accuracy or 0) < 1:
        faults.append("T2T, clean: the text names the right entity, and not all mentions are linked")
    helps = exact["IT2T"].accuracy(level) - exact["I2T"].accuracy(level)
    answers = [answer for answer in image.report.compare("context").records if answer["attack"] == "pgd"]
    reported = next(float(str(answer["value"])) for answer in answers if answer["figure"] == "attacked")
    if abs(reported - helps) > 0.03:
        faults.append(f"what the text adds under pgd: {100 * reported:+.1f} points; exactly it is {100 * helps:+.1f}")
    summary = f"text adds {100 * reported:+.1f} points under pgd (exactly {100 * helps:+.1f})"
    return Verdict("figures of the report", "as their definitions say", summary, tuple(faults))


def _wrong_columns(row: Summary, truth: Truth, level: int, slack: float) -> Iterator[str]:
    clean, robust = truth.robust(0), truth.robust(0 if row.clean else level)
    right = {
        "n": len(clean),
        "accuracy": robust.mean(),
        "correct": robust.sum(),
        "errors": 0,
        "ties": 0,
        "recall": 1.0,
        "mrr": robust.mean() + (1 - robust.mean()) / 2,
    }
    if not row.clean:
        right |= {
            "clean_accuracy": clean.mean(),
            "drop": clean.mean() - robust.mean(),
            "kept": robust.sum() / clean.sum(),
            "attack_success": 1 - robust.sum() / clean.sum(),
        }
    for name, value in right.items():
        reported = getattr(row, name)
        if reported is None or abs(reported - value) > (slack * len(clean) if name in ("correct", "ties") else slack) + 1e-9:
            yield f"{row.task}, {row.attack}: {name} is {reported}; by its definition it is {value:.4g}"
