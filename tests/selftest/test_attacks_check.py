"""The selftest's check of every attack and figure: it passes as things are, and says what is wrong with what is broken."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import torch

from robustmel.attacks.image.cw import CarliniWagner
from robustmel.attacks.image.fmn import FMN
from robustmel.attacks.image.goal import Goal, lead
from robustmel.attacks.image.noise import UniformNoise
from robustmel.report import metrics
from robustmel.selftest import attacks_check
from robustmel.selftest.attacks_check import check_attacks
from robustmel.selftest.planted import Planted
from robustmel.selftest.victim_report import Runner

pytestmark = pytest.mark.usefixtures("short")


def faults(few: tuple[Planted, Planted], run: Runner) -> str:
    shutil.rmtree(few[1].folder.with_name("namesakes"), ignore_errors=True)  # of another test
    return " | ".join(fault for verdict in check_attacks(few[1], run) for fault in verdict.faults)


@pytest.fixture
def few_attacks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those without a budget and the controls alone, in little time."""
    monkeypatch.setattr(attacks_check, "BOUNDED", ("pgd",))
    monkeypatch.setattr(attacks_check, "NAMESAKES", ("pgd", "cw"))


@pytest.mark.usefixtures("few_attacks")
def test_attacks_that_hand_back_their_input_are_told(
    few: tuple[Planted, Planted], run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for attack in (CarliniWagner, FMN):
        whole = attack.perturb

        def nothing(self, pixels, objective, gold, noise, whole=whole):  # type: ignore[no-untyped-def]
            return whole(replace(self, steps=0), pixels, objective, gold, noise)

        monkeypatch.setattr(attack, "perturb", nothing)
    told = faults(few, run)
    assert all(f"{name} broke 0 of 24 mentions" in told for name in ("cw", "fmn linf", "fmn l2"))
    assert "cw missed 24 of 24" in told


@pytest.mark.usefixtures("few_attacks")
def test_a_reversed_goal_small_noise_and_a_wrong_denominator_are_told(
    few: tuple[Planted, Planted], run: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attacks_check, "BOUNDED", ("pgd", "pgd toward the runner-up"))

    def reversed_goal(self: Goal, scores: torch.Tensor) -> torch.Tensor:
        return -lead(scores, self.gold) if self.target is None else -lead(scores, self.target)

    monkeypatch.setattr(Goal, "margin", reversed_goal)
    whole = UniformNoise.perturb
    monkeypatch.setattr(
        UniformNoise, "perturb", lambda self, *rest: whole(replace(self, eps=self.eps / (9 if self.norm == "l2" else 1)), *rest)
    )
    monkeypatch.setattr(metrics, "attack_success", lambda attacked, clean: float((1 - attacked).sum() / attacked.size / 2))
    told = faults(few, run)
    assert "pgd toward the runner-up missed" in told
    assert "noise l2: the change of images is 0.111" in told
    assert "attack_success is" in told
