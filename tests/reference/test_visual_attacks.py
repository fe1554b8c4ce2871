"""Our attacks beside those of other libraries, image by image, at budgets where 20 to 80 % of the images resist."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from robustmel.attacks.image.apgd import APGD
from robustmel.attacks.image.cw import CarliniWagner
from robustmel.attacks.image.item_noise import ItemNoise
from robustmel.attacks.image.options import GradientAttack
from robustmel.attacks.image.pgd import PGD
from robustmel.types import Perturbation

IMAGES, CLASSES = 64, 10


def ours(attack: GradientAttack, victim: nn.Module, pixels: Tensor, gold: Tensor) -> Perturbation:
    noise = ItemNoise(range(len(pixels)), (3, 16, 16))
    return attack.perturb(pixels, lambda batch, rows=None: victim(batch), gold, noise)  # type: ignore[attr-defined,no-any-return]


def fools(victim: nn.Module, pixels: Tensor, gold: Tensor) -> Tensor:
    return victim(pixels).argmax(1) != gold


def informative(fooled: Tensor) -> bool:
    """Whether robust accuracy is far enough from both ends to tell two attacks apart."""
    return 0.2 <= 1 - float(fooled.float().mean()) <= 0.8


@pytest.mark.parametrize("eps", [1 / 255, 1.5 / 255])
def test_pgd_is_torchattacks_pixel_by_pixel(eps: float, victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    torchattacks = pytest.importorskip("torchattacks")
    theirs = torchattacks.PGD(victim, eps=eps, alpha=eps / 4, steps=10, random_start=False)(pixels, gold)
    found = ours(PGD(eps=eps, step_size=eps / 4, steps=10, random_start=False, on_failure="last"), victim, pixels, gold)
    assert informative(fools(victim, theirs, gold))
    assert int((fools(victim, theirs, gold) != fools(victim, found.pixels, gold)).sum()) <= 1
    assert float(((theirs - found.pixels).abs() > 1e-5).float().mean()) < 0.01


@pytest.mark.parametrize("eps", [1 / 255, 1.5 / 255])
def test_pgd_is_foolbox_pixel_by_pixel(eps: float, victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    foolbox = pytest.importorskip("foolbox")
    model = foolbox.PyTorchModel(victim, bounds=(0, 1))
    attack = foolbox.attacks.LinfPGD(abs_stepsize=eps / 4, steps=10, random_start=False)
    theirs = attack(model, pixels, gold, epsilons=eps)[1]
    found = ours(PGD(eps=eps, step_size=eps / 4, steps=10, random_start=False, on_failure="last"), victim, pixels, gold)
    assert informative(fools(victim, theirs, gold))
    assert int((fools(victim, theirs, gold) != fools(victim, found.pixels, gold)).sum()) <= 1
    assert float(((theirs - found.pixels).abs() > 1e-5).float().mean()) < 0.01


def test_pgd_fools_whom_art_fools(victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    estimators = pytest.importorskip("art.estimators.classification")
    evasion = pytest.importorskip("art.attacks.evasion")
    eps = 1.25 / 255
    estimator = estimators.PyTorchClassifier(
        model=victim, loss=nn.CrossEntropyLoss(), input_shape=(3, 16, 16), nb_classes=CLASSES, clip_values=(0.0, 1.0)
    )
    attack = evasion.ProjectedGradientDescentPyTorch(
        estimator, eps=eps, eps_step=eps / 4, max_iter=10, num_random_init=0, batch_size=IMAGES, verbose=False
    )
    theirs = torch.from_numpy(attack.generate(pixels.numpy(), np.asarray(gold)))
    found = ours(PGD(eps=eps, step_size=eps / 4, steps=10, random_start=False, on_failure="last"), victim, pixels, gold)
    assert informative(fools(victim, theirs, gold))
    assert int((fools(victim, theirs, gold) != fools(victim, found.pixels, gold)).sum()) <= 1


@pytest.mark.parametrize("eps", [1 / 255, 1.5 / 255])
@pytest.mark.parametrize("loss", ["ce", "dlr"])
@pytest.mark.parametrize("steps", [20, 50])
def test_apgd_fools_whom_torchattacks_fools(
    eps: float, loss: str, steps: int, victim: nn.Module, pixels: Tensor, gold: Tensor
) -> None:
    """Random starts differ, so a few images at the boundary may."""
    torchattacks = pytest.importorskip("torchattacks")
    with torch.random.fork_rng():
        theirs = torchattacks.APGD(victim, eps=eps, steps=steps, loss=loss)(pixels, gold)
    found = ours(APGD(eps=eps, steps=steps, loss=loss), victim, pixels, gold)  # type: ignore[arg-type]
    assert informative(fools(victim, theirs, gold))
    assert int((fools(victim, theirs, gold) != fools(victim, found.pixels, gold)).sum()) <= 2


def test_apgd_walks_as_torchattacks_from_the_same_start(
    victim: nn.Module, pixels: Tensor, gold: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    torchattacks = pytest.importorskip("torchattacks")
    start = torch.rand(pixels.shape, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(torch, "rand", lambda *_, **__: start)
    monkeypatch.setattr(ItemNoise, "uniform", lambda self, rows=None: 2 * (start if rows is None else start[rows]) - 1)
    with torch.random.fork_rng():
        theirs = torchattacks.APGD(victim, eps=1.25 / 255, steps=30)(pixels, gold)
    found = ours(APGD(eps=1.25 / 255, steps=30), victim, pixels, gold)
    assert informative(fools(victim, theirs, gold))
    assert torch.equal(fools(victim, theirs, gold), fools(victim, found.pixels, gold))
    apart = (theirs - found.pixels).flatten(1).abs().amax(1)
    assert float((apart < 1e-4).float().mean()) > 0.75  # rounding errors part a few at flat places


def foolbox_cw(victim: nn.Module, pixels: Tensor, gold: Tensor, **parameters: Any) -> Tensor:
    foolbox = pytest.importorskip("foolbox")
    model = foolbox.PyTorchModel(victim, bounds=(0, 1))
    attack = foolbox.attacks.L2CarliniWagnerAttack(abort_early=False, **parameters)
    return torch.as_tensor(attack(model, pixels, gold, epsilons=None)[1])


@pytest.mark.parametrize("kappa", [0.0, 0.1])
def test_cw_is_as_near_as_foolbox_with_one_weight(kappa: float, victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    theirs = foolbox_cw(
        victim, pixels, gold, binary_search_steps=1, initial_const=0.1, steps=80, stepsize=0.01, confidence=kappa
    )
    found = ours(CarliniWagner(c=0.1, kappa=kappa, steps=80, lr=0.01), victim, pixels, gold)
    failed_there = theirs.flatten(1).amax(1) == 0  # a black image stands for failure there
    assert informative(~failed_there)
    assert int(((found.linf == 0) != failed_there).sum()) <= 1
    both = (found.linf > 0) & ~failed_there
    lengths = (theirs - pixels).flatten(1).norm(dim=1)[both]
    assert float(((found.l2[both] - lengths).abs() / lengths).median()) < 5e-3
    assert float(((found.l2[both] - lengths).abs() / lengths).max()) < 0.05


def test_cw_is_as_near_as_foolbox_with_a_search(victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    theirs = foolbox_cw(victim, pixels, gold, binary_search_steps=5, initial_const=0.1, steps=40, stepsize=0.01)
    found = ours(CarliniWagner(binary_search_steps=5, initial_const=0.1, steps=40, lr=0.01), victim, pixels, gold)
    lengths = (theirs - pixels).flatten(1).norm(dim=1)
    assert bool((found.linf > 0).all())
    assert float((found.l2 / lengths).median()) == pytest.approx(1, abs=0.01)
    assert float((found.l2 / lengths).max()) < 1.25


def test_cw_does_not_care_where_the_scores_lie_as_torchattacks_does(victim: nn.Module, pixels: Tensor, gold: Tensor) -> None:
    """Masking the other scores with 0 instead of minus infinity fails where all scores are below 0."""
    torchattacks = pytest.importorskip("torchattacks")

    class Lower(nn.Module):
        def forward(self, batch: Tensor) -> Tensor:
            scores: Tensor = victim(batch) - 200
            return scores

    theirs = torchattacks.CW(Lower(), c=5, steps=50, lr=0.02)(pixels, gold)
    found = ours(CarliniWagner(c=5.0, steps=50, lr=0.02), Lower(), pixels, gold)  # type: ignore[arg-type]
    assert int(fools(victim, theirs, gold).sum()) <= 2
    assert int(fools(victim, found.pixels, gold).sum()) > IMAGES // 2
