"""The members of AutoAttack beside other libraries: who is fooled, image by image, and how near, on three kinds of victims.

Budgets are such that 20 to 80 % of the images resist. Verdicts are taken on the images each library hands back. Square asks
here with 8-bit images and elsewhere with any, so its radius is a whole number of steps of 1/255, where that is the same.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.apgd_targeted import TargetedAPGD
from robustmel.attacks.image.fab import FAB
from robustmel.attacks.image.square import Square

EPS = 0.6 / 255

pytestmark = pytest.mark.usefixtures("own_randomness")


def test_targeted_apgd_fools_whom_torchattacks_fools(system: Any) -> None:
    """Nine targets of ten classes; other random starts."""
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.APGDT(system.victim, eps=EPS, steps=30, n_classes=10)(system.pixels, system.gold)
    system.compare(theirs, system.ours(TargetedAPGD(eps=EPS, steps=30)).pixels, apart=1, weaker=1)


def test_fab_fools_whom_torchattacks_fools(system: Any) -> None:
    """Nine targets of ten classes, no random start in either."""
    torchattacks = pytest.importorskip("torchattacks")
    attack = torchattacks.FAB(system.victim, eps=EPS, steps=15, n_classes=10, multi_targeted=True)
    system.compare(attack(system.pixels, system.gold), system.ours(FAB(eps=EPS, steps=15)).pixels, apart=1, weaker=0)


def lengths(system: Any, pixels: Tensor) -> Tensor:
    return (pixels - system.pixels).flatten(1).abs().amax(1)


def test_fab_is_as_near_as_torchattacks_and_about_as_near_as_an_attack_of_another_kind(
    system: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The length of every change, at a radius that all images reach; before rounding, which may call for longer ones here.

    FMN of foolbox takes the shortest change of many steps.
    """
    torchattacks = pytest.importorskip("torchattacks")
    monkeypatch.setattr("robustmel.attacks.image.attacked_batch.eight_bit", lambda pixels: pixels)
    attack = torchattacks.FAB(system.victim, eps=0.2, steps=15, n_classes=10, multi_targeted=True)
    theirs, ours = lengths(system, attack(system.pixels, system.gold)), system.ours(FAB(eps=0.2, steps=15)).linf
    assert bool((theirs > 0).all())
    assert float((ours / theirs).max()) < 1.001
    assert float((ours / theirs).min()) > 0.99
    foolbox = pytest.importorskip("foolbox")
    model = foolbox.PyTorchModel(system.victim, bounds=(0, 1))
    theirs = foolbox.attacks.LInfFMNAttack(steps=200)(model, system.pixels, system.gold, epsilons=None)[1]
    ratio = ours / lengths(system, theirs)
    assert float(ratio[ratio.isfinite()].max()) < 1.02
    assert int(ratio.isfinite().sum()) >= 60


def test_square_fools_whom_torchattacks_fools(system: Any) -> None:
    """Random search by other draws; two seeds of that library differ on up to 5 % of these images themselves."""
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.Square(system.victim, eps=1 / 255, n_queries=300, p_init=0.8)(system.pixels, system.gold)
    system.compare(theirs, system.ours(Square(eps=1 / 255, queries=300)).pixels, apart=5, weaker=3)


def test_square_fools_whom_art_fools(system: Any) -> None:
    """As above."""
    evasion = pytest.importorskip("art.attacks.evasion")
    attack = evasion.SquareAttack(system.estimator(), eps=1 / 255, max_iter=200, p_init=0.8, batch_size=64, verbose=False)
    theirs = torch.from_numpy(attack.generate(system.pixels.numpy(), system.gold.numpy()))
    system.compare(theirs, system.ours(Square(eps=1 / 255, queries=200)).pixels, apart=6, weaker=3)
