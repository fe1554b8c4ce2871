"""An attack of one's own, on a linker whose worst case is known."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from robustmel.errors import RobustMELError, UsageError
from robustmel.registry import Component
from robustmel.selftest.attack_suites import WHITE_BOXES, attack_at
from robustmel.selftest.diagnosis import Diagnosis
from robustmel.selftest.planted import Planted
from robustmel.selftest.tower_check import check_tower
from robustmel.selftest.truth import Truth
from robustmel.selftest.verdict import text
from robustmel.selftest.victim_report import Runner

pytestmark = pytest.mark.usefixtures("short")

FILE = Path(__file__).with_name("broken_attacks.py")


def own(name: str) -> Component:
    return Component(f"{FILE}:{name}")


def test_the_shipped_attacks_break_all_that_can_be_broken_and_nothing_else(
    planted: tuple[Planted, Planted], run: Runner
) -> None:
    verdicts = check_tower(planted[1], run, WHITE_BOXES[:2])
    assert [one.faults for one in verdicts] == [()] * len(verdicts)
    assert len(verdicts) == 4
    assert all("missed 0 of" in one.reported for one in verdicts[1:])


def test_a_right_attack_of_ones_own_passes(planted: tuple[Planted, Planted], run: Runner) -> None:
    assert all(one.passed for one in check_tower(planted[1], run, own=own("Right")))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("WrongSign", "goes the wrong way along the gradient"),
        ("HalfRadius", "searches a smaller ball than its budget"),
        ("NeverLeaves", "never left its random start"),
        ("HandsBackInputs", "its images are the inputs"),
    ],
)
def test_a_broken_copy_fails_with_a_sentence_that_says_what_is_wrong(
    name: str, sentence: str, planted: tuple[Planted, Planted], run: Runner
) -> None:
    verdicts = check_tower(planted[1], run, own=own(name))
    failed = [one for one in verdicts[1:] if not one.passed]
    assert len(failed) >= 2
    assert all(any(sentence in fault for fault in one.faults) for one in failed)
    assert all(str(one.victim).split()[-1] in one.faults[0] for one in failed)  # and at which budget


def test_an_attack_that_leaves_its_budget_ends_the_run(planted: tuple[Planted, Planted], run: Runner) -> None:
    with pytest.raises(RobustMELError, match=r"attack TwiceTheRadius leaves its budget: linf 0\.\d+ in 8 bits, where \d+/255"):
        check_tower(planted[1], run, own=own("TwiceTheRadius"))


@pytest.mark.parametrize("kind", [0, 1])
def test_an_attack_that_stops_short_is_weaker_than_pgd_and_not_broken(
    kind: int, planted: tuple[Planted, Planted], run: Runner
) -> None:
    verdicts = check_tower(planted[kind], run, own=own("TooShort"))
    assert all(verdict.passed for verdict in verdicts)
    told = [sentence for verdict in verdicts for sentence in verdict.weaker]
    assert told
    assert all("of the budget" in sentence for sentence in told)
    assert all(re.search(r"it is not broken, but weaker than PGD \d+/255, which missed \d+$", sentence) for sentence in told)
    assert "\nweaker    at " in text(verdicts, 120)


def test_momentum_is_no_fault(planted: tuple[Planted, Planted], run: Runner) -> None:
    momentum = Component(f"{FILE.with_name('weaker_attacks.py')}:MomentumFGSM")
    verdicts = [verdict for part in planted for verdict in check_tower(part, run, own=momentum)]
    assert [verdict.faults for verdict in verdicts] == [()] * len(verdicts)
    assert all("not broken, but weaker than PGD" in sentence for verdict in verdicts for sentence in verdict.weaker)


def test_in_lists_it_is_the_same(planted: tuple[Planted, Planted], run: Runner) -> None:
    verdicts = check_tower(planted[0], run, own=own("HalfRadius"))
    assert any("searches a smaller ball" in fault for one in verdicts for fault in one.faults)
    assert any("does not contain the exact" in fault for one in verdicts for fault in one.faults)


def test_an_attack_without_a_budget_is_refused_in_one_sentence() -> None:
    with pytest.raises(UsageError, match="NoBudget has no parameter eps"):
        attack_at(own("NoBudget"), 8)


def test_parameters_that_are_given_are_left_alone() -> None:
    given = Component("pgd", {"step_size": "1/255", "steps": 7}, "mine")
    written = attack_at(given, 8)
    assert (written["step_size"], written["steps"], written["eps"], written["label"]) == ("1/255", 7, "8/255", "mine 8/255")


def diagnosis(truth: list[float], linked: list[float], level: int = 4, moved: float = 4 / 255) -> Diagnosis:
    """Mentions whose lead falls from 1 on the clean image to that of `truth` at the budget."""
    leads = np.repeat(np.array(truth)[:, None], 256, axis=1)
    leads[:, 0] = 1.0
    log = [{"status": "ok", "linf_u8": moved} for _ in truth]
    return Diagnosis(
        "mine", level, np.array(linked), np.where(np.array(linked) < 1, -0.5, 0.5), log, Truth(leads, np.ones(len(leads)))
    )


def test_what_withstands_everything_must_not_count_as_broken() -> None:
    told = list(diagnosis([0.5, -0.5, 0.2], [0.0, 0.0, 1.0]).faults())
    assert told == ["mine: 1 mentions count as broken, but no image within 4/255 breaks them"]


def test_answers_on_the_brink_are_held_against_nobody() -> None:
    one = diagnosis([1e-6, -1e-6, -0.5], [0.0, 1.0, 0.0])
    assert (one.missed, one.impossible, one.breakable) == (0, 0, 1)


def test_half_a_step_of_rounding_is_not_outside() -> None:
    assert list(diagnosis([-0.5], [0.0], moved=4.4 / 255).faults()) == []
    assert "outside the budget" in next(diagnosis([-0.5], [0.0], moved=5 / 255).faults())


def test_images_that_could_not_be_attacked_are_told() -> None:
    one = diagnosis([-0.5, -0.5], [0.0, 1.0])
    one.log[1] = {"status": "error:ValueError: no such thing", "linf_u8": None}
    assert next(one.faults()) == "mine: 1 of 2 images could not be attacked (error:ValueError: no such thing)"
