"""PGD, APGD and CW beside other libraries: who is fooled, image by image, on three kinds of victims.

Budgets are such that 20 to 80 % of the images resist; only there can two attacks be told apart. Verdicts are taken on the
images each library hands back, before rounding to 8 bits, of which the others know nothing.
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor

from robustmel.attacks.image.apgd import APGD
from robustmel.attacks.image.cw import CarliniWagner
from robustmel.attacks.image.pgd import PGD

EPS = 0.6 / 255

pytestmark = pytest.mark.usefixtures("own_randomness")


def plain_steps(system: Any) -> Tensor:
    return system.ours(PGD(eps=EPS, step_size=EPS / 4, steps=10, random_start=False, on_failure="last")).pixels  # type: ignore[no-any-return]


def test_pgd_fools_whom_torchattacks_fools(system: Any) -> None:
    """The same steps from the image itself: verdicts may differ in one image that lies on the boundary."""
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.PGD(system.victim, eps=EPS, alpha=EPS / 4, steps=10, random_start=False)(system.pixels, system.gold)
    system.compare(theirs, plain_steps(system), apart=1, weaker=0)


def test_pgd_fools_whom_foolbox_fools(system: Any) -> None:
    """As above."""
    foolbox = pytest.importorskip("foolbox")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=EPS / 4, steps=10, random_start=False)
    theirs = attack(foolbox.PyTorchModel(system.victim, bounds=(0, 1)), system.pixels, system.gold, epsilons=EPS)[1]
    system.compare(theirs, plain_steps(system), apart=1, weaker=0)


def test_pgd_fools_whom_art_fools(system: Any) -> None:
    """As above."""
    evasion = pytest.importorskip("art.attacks.evasion")
    attack = evasion.ProjectedGradientDescentPyTorch(
        system.estimator(), eps=EPS, eps_step=EPS / 4, max_iter=10, num_random_init=0, batch_size=64, verbose=False
    )
    theirs = torch.from_numpy(attack.generate(system.pixels.numpy(), system.gold.numpy()))
    system.compare(theirs, plain_steps(system), apart=1, weaker=0)


def test_pgd_with_restarts_fools_whom_foolbox_fools(system: Any) -> None:
    """Five random starts each, of which none is shared."""
    foolbox = pytest.importorskip("foolbox")
    attack = foolbox.attacks.LinfPGD(abs_stepsize=EPS / 4, steps=10, random_start=True).repeat(5)
    theirs = attack(foolbox.PyTorchModel(system.victim, bounds=(0, 1)), system.pixels, system.gold, epsilons=EPS)[1]
    found = system.ours(PGD(eps=EPS, step_size=EPS / 4, steps=10, restarts=5))
    system.compare(theirs, found.pixels, apart=2, weaker=1)


@pytest.mark.parametrize("loss", ["ce", "dlr"])
def test_apgd_fools_whom_torchattacks_fools(system: Any, loss: Any) -> None:
    """Other random starts."""
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.APGD(system.victim, eps=EPS, steps=30, loss=loss)(system.pixels, system.gold)
    system.compare(theirs, system.ours(APGD(eps=EPS, steps=30, loss=loss)).pixels, apart=2, weaker=1)


def test_apgd_fools_whom_art_fools(system: Any) -> None:
    """Other random starts, and the last iterate there instead of the best."""
    evasion = pytest.importorskip("art.attacks.evasion")
    attack = evasion.AutoProjectedGradientDescent(
        system.estimator(),
        eps=EPS,
        eps_step=2 * EPS,
        max_iter=30,
        nb_random_init=1,
        batch_size=64,
        loss_type="cross_entropy",
        verbose=False,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = torch.from_numpy(attack.generate(system.pixels.numpy(), system.gold.numpy()))
    system.compare(theirs, system.ours(APGD(eps=EPS, steps=30)).pixels, apart=3, weaker=1)


def test_cw_fools_whom_foolbox_fools_and_as_near(system: Any) -> None:
    """One weight, at which some images cannot be fooled; a black image stands for that there, the input here."""
    foolbox = pytest.importorskip("foolbox")
    weight, pace = 0.003, 0.002
    attack = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=1, initial_const=weight, steps=100, stepsize=pace, abort_early=False
    )
    theirs = attack(foolbox.PyTorchModel(system.victim, bounds=(0, 1)), system.pixels, system.gold, epsilons=None)[1]
    found = system.ours(CarliniWagner(c=weight, steps=100, lr=pace))
    there, here = theirs.flatten(1).amax(1) > 0, found.linf > 0
    assert 0.2 <= 1 - float(there.float().mean()) <= 0.8
    assert int((there != here).sum()) <= 2
    both = there & here
    ratio = found.l2[both] / (theirs - system.pixels).flatten(1).norm(dim=1)[both]
    assert float(ratio.median()) == pytest.approx(1, abs=5e-3)
    assert float(ratio.max()) < 1.1
