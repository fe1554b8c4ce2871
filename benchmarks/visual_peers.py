"""The same attacks by the project, by other libraries, and the bare passes; imported only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from benchmarks.adapters import visual
from benchmarks.visual_victim import CLASSES, SIDE
from torch import Tensor, nn
from torch.nn import functional

Run = Callable[[Tensor, Tensor], Tensor]
"""float32 (B, 3, H, W) in [0, 1] and int64 (B,) -> adversarial images."""

Maker = Callable[[nn.Module, str, dict[str, Any]], Run]
"""A victim, "pgd", "apgd" or "cw", and its parameters by the project's names -> a run.

Raises ImportError without the library, NotImplementedError where it lacks the attack or an option that was asked for.
"""


def bare(victim: nn.Module, attack: str, given: dict[str, Any]) -> Run:
    """So many forward and backward passes to the pixels and nothing else: no attack that makes them can be faster."""
    if given.get("drop_fooled") or given.get("abort_early"):
        raise NotImplementedError("the bare loop stops nowhere")

    def run(pixels: Tensor, gold: Tensor) -> Tensor:
        leaf = pixels.clone().requires_grad_()
        for _ in range(given["steps"]):
            torch.autograd.grad(functional.cross_entropy(victim(leaf), gold, reduction="sum"), leaf)
        return pixels

    return run


def robustmel(victim: nn.Module, attack: str, given: dict[str, Any]) -> Run:
    return lambda pixels, gold: visual(victim, pixels, gold, attack=attack, **given)


def torchattacks(victim: nn.Module, attack: str, given: dict[str, Any]) -> Run:
    """Its CW always stops the whole batch early where the loss no longer falls, so it is no peer of one that does not."""
    import torchattacks as library

    if attack == "cw" and not given.get("abort_early"):
        raise NotImplementedError("its CW always stops early: see the job cw-abort_early")
    made: dict[str, Callable[[], Any]] = {
        "pgd": lambda: library.PGD(victim, eps=given["eps"], alpha=given["step_size"], steps=given["steps"]),
        "apgd": lambda: library.APGD(victim, eps=given["eps"], steps=given["steps"]),
        "cw": lambda: library.CW(victim, c=given["c"], steps=given["steps"], lr=given["lr"]),
    }
    run: Run = made[attack]()
    return run


def foolbox(victim: nn.Module, attack: str, given: dict[str, Any]) -> Run:
    import foolbox

    library: Any = foolbox
    model = library.PyTorchModel(victim, bounds=(0, 1))
    if attack == "pgd":
        made = library.attacks.LinfPGD(abs_stepsize=given["step_size"], steps=given["steps"])
    elif attack == "cw":
        made = library.attacks.L2CarliniWagnerAttack(
            binary_search_steps=1,
            steps=given["steps"],
            stepsize=given["lr"],
            initial_const=given["c"],
            abort_early=given.get("abort_early", False),
        )
    else:
        raise NotImplementedError("foolbox has no APGD")
    return lambda pixels, gold: made(model, pixels, gold, epsilons=given.get("eps"))[1]


def art(victim: nn.Module, attack: str, given: dict[str, Any]) -> Run:
    """Its CW is another algorithm (a line search, several times the passes) and is left out."""
    from art.attacks import evasion
    from art.estimators.classification import PyTorchClassifier

    if attack == "cw":
        raise NotImplementedError("ART's CW is a line search, no Adam")
    estimator = PyTorchClassifier(victim, nn.CrossEntropyLoss(), (3, SIDE, SIDE), CLASSES, clip_values=(0.0, 1.0))
    if attack == "pgd":
        made: Any = evasion.ProjectedGradientDescentPyTorch(
            estimator,
            eps=given["eps"],
            eps_step=given["step_size"],
            max_iter=given["steps"],
            num_random_init=1,
            batch_size=10_000,
            verbose=False,
        )
    else:
        made = evasion.AutoProjectedGradientDescent(
            estimator,
            eps=given["eps"],
            eps_step=2 * given["eps"],
            max_iter=given["steps"],
            nb_random_init=1,
            batch_size=10_000,
            loss_type="cross_entropy",
            verbose=False,
        )
    return lambda pixels, gold: torch.from_numpy(made.generate(pixels.numpy(), gold.numpy()))


LIBRARIES: dict[str, Maker] = {
    "bare": bare,
    "robustmel": robustmel,
    "torchattacks": torchattacks,
    "foolbox": foolbox,
    "art": art,
}
